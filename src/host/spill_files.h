// Temporary files: where long statements put the rows that their memory does not hold (sql/spill.h).
//
// 1. A file loses its name as soon as it is made: whatever ends the process, nothing of it is left. It is never synced.
// 2. All files of the engine together have a bound.
#pragma once

#include "os/disk.h"
#include "sql/spill.h"

struct spill_files {
  struct disk *disk;  // borrowed, or `own`
  struct disk own;
  uint64_t limit;     // bytes
  uint64_t used;      // atomic
  uint64_t written;   // since the start; atomic
  struct spill_hooks hooks;
};

// directory: NULL: in that of the data, `data`; if there is none, in $TMPDIR or /tmp. limit 0: DEFAULT_TEMPORARY_BYTES.
int spill_files_open(struct spill_files *files, const char *directory, struct disk *data, uint64_t limit,
                   struct error *error);
void spill_files_close(struct spill_files *files); // a zeroed one too; its files must have been closed
// Bytes that lie in files now.
uint64_t spill_files_used(const struct spill_files *files);
// Bytes that were ever written.
uint64_t spill_files_written(const struct spill_files *files);
