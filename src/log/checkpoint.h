// Checkpoints: one file with all trees of a pinned version, so that recovery needs the log only from there on.
//
// 1. A checkpoint file has its name only when it is whole and synced; before, it is checkpoint-….tmp.
// 2. A checkpoint counts only if the log is durable up to its position (the caller of checkpoint_finish promises it).
// 3. The older checkpoint, and then the segments below (log_free), go only when the new one is valid and durable.
//
// Writing: partition_pin → checkpoint_begin → checkpoint_step until 0, on a worker → wait until log_durable >=
// position → checkpoint_finish → log_free(position) on the log thread → unpin.
#pragma once

#include "os/disk.h"
#include "store/store.h"

struct checkpoint_writer;

struct checkpoint_statistics {
  uint64_t position;
  uint64_t rows;
  uint64_t raw_bytes;  // keys and rows
  uint64_t file_bytes;
};

// snapshot stays pinned until the writer is finished or abandoned. disk is borrowed as long.
int checkpoint_begin(const struct disk *disk, const struct version *snapshot, uint64_t position, uint64_t log_id,
                     struct checkpoint_writer **writer, struct error *error);
// Writes about `budget` more rows. 1: there is more; 0: all is written and synced, now checkpoint_finish; negative: an
// error (53100: the disk is full), now checkpoint_abandon.
int checkpoint_step(struct checkpoint_writer *writer, int budget, struct error *error);
// Gives the file its name and removes older ones. The log must be durable up to the position. Frees the writer, also on
// an error. statistics may be NULL.
int checkpoint_finish(struct checkpoint_writer *writer, struct checkpoint_statistics *statistics, struct error *error);
// Removes what was written and frees the writer. NULL is allowed.
void checkpoint_abandon(struct checkpoint_writer *writer);

struct checkpoint {
  bool is_found;
  uint64_t position;
  uint64_t log_id;
  uint64_t file_bytes;
};

// The newest checkpoint whose checksums are right; is_found false: there is none. A broken one is reported and passed
// over if an older one is good (then the log still reaches back to it), else XX001. 0A000: of a newer format.
// report may be NULL.
int checkpoint_find(const struct disk *disk, struct checkpoint *checkpoint,
                    void (*report)(void *context, const char *line), void *context, struct error *error);
// Loads its trees into an empty trunk. statistics may be NULL.
int checkpoint_load(const struct disk *disk, const struct checkpoint *checkpoint, struct version *trunk,
                    struct checkpoint_statistics *statistics, struct error *error);
// After a successful recovery: removes what unfinished or older checkpoints left behind.
int checkpoint_clean(const struct disk *disk, const struct checkpoint *checkpoint, struct error *error);
