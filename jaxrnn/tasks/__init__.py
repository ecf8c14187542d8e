"""Tasks: what a recurrent network is held against."""

from ._ngram import NGram as NGram
