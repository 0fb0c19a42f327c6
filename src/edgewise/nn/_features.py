"""The numbers of inputs and outputs of a layer by torch's names."""


class Features:
    """What has `n_in` and `n_out`, and both by the names of `torch.nn.Linear`."""

    n_in: int
    n_out: int

    @property
    def in_features(self) -> int:
        """The number of inputs, by the name that `torch.nn.Linear` has for it."""
        return self.n_in

    @property
    def out_features(self) -> int:
        """The number of outputs, by the name that `torch.nn.Linear` has for it."""
        return self.n_out
