"""From settings to datasets."""

import os

# HDF5 looks at this when it is loaded. A child that is just being started, such as squeue by
# another thread, has our open files for a moment, and with them HDF5's lock: it would keep us from
# reading back what we wrote. Nobody else writes these files, for drafts have names of their own.
os.environ.setdefault("HDF5_USE_FILE_LOCKING", "FALSE")
