"""Operations by number, and where kernels find what they read and write. Plain numbers, so that nothing is imported.

A kernel takes the address of a job: whole numbers of 64 bits, most of them addresses. A program is a record, a row of
`RECORD_WORDS` words of 64 bits; its nodes stand in postfix order, so the right (or only) child of node i is node i - 1.
"""

CONSTANT, VARIABLE, ADD, SUB, MUL, DIV, SQUARE, CUBE, SQRT, EXP, LOG, SIN, COS, TANH, POWER, TABULATED = range(16)
NAMES = (
    "constant", "variable", "add", "sub", "mul", "div", "square", "cube", "sqrt", "exp", "log", "sin", "cos", "tanh",
    "power", "tabulated",
)  # fmt: skip
#: nodes that an operation counts for: a cube and a free exponent are two
COSTS = (1, 1, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1, 1, 1, 2, 1)
OWN_WEIGHT = 2  # nodes that a free weight of a function counts for

LONGEST = 64  # nodes of a program
BLOCK = 128  # rows that are worked on together: the values of all nodes stay in the nearest cache
MOST_CONSTANTS = 28  # free constants that are fitted
LIBRARY_ROWS = 256  # rows on which shapes of the library are compared
SCREENED_ROWS = 128  # rows on which a child is fitted first
TRIES_BITS = 4  # of the number of times that a structure was tried; 16 numbers to a word
TRIES_WORDS = 1 << 18
BATCH = 64  # children that are bred at a time, from the same population

# The table of a function that a user registered: where it begins, the inverse of its step, values and slopes in turn.
MOST_TABLES = 8
TABLE_POINTS = (1 << 16) + 1
TABLE_WORDS = 2 + 2 * TABLE_POINTS

# Words of a record. The error is the mean squared residual.
OPCODES, ARGUMENTS, WEIGHTS = 0, LONGEST, 2 * LONGEST
LENGTH, SCALE, OFFSET, ERROR, NODES, WAVES = range(3 * LONGEST, 3 * LONGEST + 6)
RECORD_WORDS = 3 * LONGEST + 8

# Words of what is known of the tree of a program.
SIZES, LEFT, EXPRESSED, FREE, FROZEN = (k * LONGEST for k in range(5))
TREE_WORDS = 5 * LONGEST

# Words of the working memory; the values of the program on all rows come last.
_SQUARE = (MOST_CONSTANTS + 2) ** 2
NODE_VALUES = 0
ADJOINTS = NODE_VALUES + LONGEST * BLOCK
GRADIENTS = ADJOINTS + LONGEST * BLOCK
SCRATCH = GRADIENTS + (MOST_CONSTANTS + 3) * BLOCK
NORMAL = SCRATCH + 3 * BLOCK
DAMPED = NORMAL + _SQUARE
RIGHT = DAMPED + _SQUARE
STEP = RIGHT + LONGEST
BEFORE = STEP + LONGEST
PENDING = STEP + 2 * LONGEST  # sizes of subtrees that are still to be made
CHANGES = PENDING + LONGEST
WISHES = CHANGES + LIBRARY_ROWS
ALL_VALUES = WISHES + LIBRARY_ROWS

# Words of a job: of all kernels, and those of evolution.
PROGRAM, TREE, WORK, COLUMNS, TARGET, ROW_WEIGHTS, STRIDE, ROWS, STEPS, TOLERANCE, OUT = range(11)
(
    RANDOM, POPULATION, BINS, SLOTS, FRONT, FRONT_SIZE, CHILDREN, FIRST, LAST, CHANCES, COLUMN_COUNT, LIBRARY,
    LIBRARY_VALUES, LIBRARY_SIZE, OTHER_TREE, SNIPPET, TRIED, WITH_WAVES, TABLES, TABLE_PLACES, TABLE_COUNT,
) = range(11, 32)  # fmt: skip
JOB_WORDS = 32
