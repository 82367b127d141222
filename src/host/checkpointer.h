// The thread that writes checkpoints, while streams and clients go on.
#pragma once

#include "host/journal.h"
#include "log/checkpoint.h"

struct checkpointer;

// All borrowed. wake is signalled when one is done.
int checkpointer_open(const struct disk *disk, struct journal *journal, struct wake *wake, uint64_t log_id,
                      struct checkpointer **checkpointer, struct error *error);
// Stops one that is being written.
void checkpointer_close(struct checkpointer *checkpointer);
// Loop thread. snapshot stays pinned until checkpointer_done gives it back.
void checkpointer_begin(struct checkpointer *checkpointer, struct version *snapshot, uint64_t position);
bool checkpointer_is_busy(const struct checkpointer *checkpointer);
// Loop thread. The snapshot of one that has ended; NULL: none. status and error say how; statistics are of a good one.
struct version *checkpointer_done(struct checkpointer *checkpointer, int *status, struct checkpoint_statistics *statistics,
                                  struct error *error);
