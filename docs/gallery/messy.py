"""A messy table, from raw columns to an exported model.

Measurements of 569 tumors, as they might arrive from a clinic: 30 columns of numbers, text, dates and gaps. A
classifier is fitted to the table as it is. Its probabilities are calibrated, each can be explained, and the model runs
as an ONNX file without edgewise.

```text
right: 0.97, log loss 0.08
calibration error: 0.02
largest difference of the ONNX model: below 1e-06
```
"""

import numpy as np
import onnxruntime
import pandas as pd
from sklearn.calibration import calibration_curve
from sklearn.datasets import load_breast_cancer
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split

import edgewise as ew
from edgewise.estimators import KANClassifier

# The table: real measurements, made messy.
raw = load_breast_cancer(as_frame=True)
rng = np.random.default_rng(0)
table = raw.data.drop(columns=["mean radius", "worst radius", "radius error"]).astype("float32")
table = table.mask(rng.random(table.shape) < 0.05)
table["size"] = pd.qcut(raw.data["mean radius"], 4, labels=["small", "medium", "large", "huge"]).astype(object)
table["clinic"] = pd.Series(rng.choice(["north", "south", "east"], len(table))).where(rng.random(len(table)) > 0.1)
table["visit"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 600, len(table)), unit="D")
label = np.where(raw.target == 0, "malignant", "benign")

# From the table to a calibrated, explained, exported model.
train, test, y, truth = train_test_split(table, label, random_state=0)
model = KANClassifier(products=2).fit(train, y)
malignant = model.predict_proba(test)[:, 1]
print(f"right: {model.score(test, truth):.2f}, log loss {log_loss(truth == 'malignant', malignant):.2f}")
observed, predicted = calibration_curve(truth == "malignant", malignant, n_bins=5, strategy="quantile")
print(f"calibration error: {np.abs(observed - predicted).mean():.2f}")
why = model.explain(test).iloc[0].drop("baseline").sort_values(key=abs, ascending=False)
session = onnxruntime.InferenceSession(ew.export.to_onnx(model).SerializeToString())
days = (test["visit"] - pd.Timestamp("1970-01-01")) / pd.Timedelta(days=1)
cells = test.assign(visit=days.astype("float32")).fillna({"clinic": ""})
_, probability = session.run(None, {name: cells[[name]].to_numpy() for name in cells})
away = np.abs(probability[:, 1] - malignant).max()
print(f"largest difference of the ONNX model: below {10 ** np.ceil(np.log10(away)):.0e}")

figure = ew.plot.Picture(figsize=(11, 6.4), layout="constrained")
above, below = figure.subfigures(2, 1)
strongest = [name for name in model.importance(train).index if name in table][:3]
model.plot_curves(train, features=strongest, ax=list(above.subplots(1, 3)))
left, right = below.subplots(1, 2, width_ratios=[1, 1.8])
left.plot([0, 1], [0, 1], color="#8793a1", linewidth=1)
left.plot(predicted, observed, "o-", color="#1b2a3a")
left.set(title="calibration on new rows", xlabel="predicted probability", ylabel="observed share")
right.barh(why.index[:7][::-1], why[:7][::-1], color=np.where(why[:7][::-1] > 0, "#d1410c", "#2f6db5"))
right.axvline(0, color="#1b2a3a", linewidth=0.8)
right.set(title=f"one new row, malignant with probability {malignant[0]:.2f}", xlabel="adds to the log-odds")
for axes in (left, right):
    ew.plot.plain_axes(axes)
