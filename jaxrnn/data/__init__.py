"""Text, padding, windows and batches, in numpy on the host."""

from ._batch import Batch as Batch
from ._batch import Stacked as Stacked
from ._bucket import Bucket as Bucket
from ._bucket import bucket as bucket
from ._dataset import Dataset as Dataset
from ._padding import Padded as Padded
from ._padding import length_mask as length_mask
from ._padding import pad as pad
from ._shuffled import Interleaved as Interleaved
from ._shuffled import Shuffled as Shuffled
from ._stream import Stream as Stream
from ._text import read_text as read_text
from ._vocab import Vocab as Vocab
from ._windows import split as split
from ._windows import windows as windows
