"""The readers of data sets, one file each; ``rlm.evaluation.dataset.DATASETS`` lists them."""
