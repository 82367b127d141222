// The log: every atom's payload, in order, on the disk.
//
// The log is a chain of segment files. Its position counts atoms: the first is 1, each next one more.
// A *group* is what the loop thread fills; the log thread writes it, then syncs once for all that waited:
//
//   loop thread: log_group_append …            log thread: log_write(log, group), log_sync(log), log_durable(log)
//
// Nothing here locks: a group has one owner at a time, and the log one thread. The host swaps.
//
// Start: disk_lock(disk, LOG_LOCK) → checkpoint_find → checkpoint_load → log_open(after = its position), which gives
// every later atom to `apply` → the partition is what it was.
#pragma once

#include "base/buffer.h"
#include "os/disk.h"

#define LOG_LOCK "lock"              // the name of the data directory's lock file
#define LOG_SEGMENT_SIZE (64ull << 20) // bytes of a segment file, by default
#define LOG_CHUNK (1024 * 1024)      // bytes of a record's payload; a larger atom goes in chunks

struct log;

// --- The append side -------------------------------------------------------------------------------

// Atoms that wait to be written: position (8), size (4), payload, each, as partition_step gives them (little-endian).
// All zero is an empty one.
struct log_group {
  struct buffer bytes;
  uint64_t last_position; // 0: empty
};

void log_group_deinit(struct log_group *group);
void log_group_clear(struct log_group *group);
static inline bool log_group_is_empty(const struct log_group *group) { return group->bytes.size == 0; }
// Copies one atom. 53200: the group is as it was.
int log_group_append(struct log_group *group, uint64_t position, struct bytes payload, struct error *error);
// Copies a run of atoms in the group's own form (step_output.changes).
int log_group_append_run(struct log_group *group, struct bytes run, struct error *error);

// --- Opening and recovery --------------------------------------------------------------------------

struct log_options {
  uint64_t segment_size; // bytes; 0: LOG_SEGMENT_SIZE
  uint64_t after;        // position of the checkpoint that was loaded; 0: none
  uint64_t log_id;       // of that checkpoint; 0: none, or it is a backup's, behind which a log begins
  uint64_t new_log_id;   // random, not 0: the id if there is no log yet
  bool is_read_only;     // nothing is changed or written: only log_close may follow, and what tells of the log
  bool without_sync;     // log_sync claims durability without fdatasync (for measuring)
  // One recovered atom, in order, positions after+1, after+2, …; payload borrowed for the call. A negative status stops
  // the opening and is what log_open returns.
  int (*apply)(void *context, uint64_t position, struct bytes payload, struct error *error);
  // A line for the operator (a torn tail was cut). May be NULL.
  void (*report)(void *context, const char *line);
  void *context;
};

// Reads what is there, or begins a log. XX001: broken before its tail; nothing was changed or deleted, and the message
// names file and offset. 0A000: of a newer format. disk is borrowed until log_close.
int log_open(const struct disk *disk, const struct log_options *options, struct log **log, struct error *error);
// Does not sync. NULL is allowed.
void log_close(struct log *log);
// Of the newest atom that was recovered or written; after, if there is none.
uint64_t log_position(const struct log *log);
uint64_t log_id(const struct log *log);
// Was there no log in the directory?
bool log_is_new(const struct log *log);

// --- The write side --------------------------------------------------------------------------------

// Writes the group's atoms behind the log's end; their positions must follow on it. STATUS_LIMIT (53100): the disk is
// full; what was durable stays so, and the same group may be given again, which goes on where it stopped. STATUS_FATAL:
// the log is lost, and every later call says so again.
int log_write(struct log *log, const struct log_group *group, struct error *error);
// fdatasync: all that was written is durable. STATUS_FATAL, never to be tried again.
int log_sync(struct log *log, struct error *error);
// log_write and log_sync.
int log_write_group(struct log *log, const struct log_group *group, struct error *error);
// The newest position that is on the disk.
uint64_t log_durable(const struct log *log);
// False: the next segment could not be prepared (the disk is full) and the last one is nearly used up. The host should
// refuse new changes with 53100 before they reach the log. Tries again to prepare it, if it lacks.
bool log_has_room(struct log *log);

// A checkpoint at `position` is valid: segments that only hold atoms up to it are made ready to be used again, or
// removed. The log must be durable up to position.
int log_free(struct log *log, uint64_t position, struct error *error);

// Since log_open. What recovery would read is recovered_bytes + bytes_written, less what was written before the
// newest checkpoint was pinned.
struct log_statistics {
  uint64_t bytes_written;
  uint64_t syncs;
  uint32_t segments;
  uint32_t spare_segments;
  uint64_t recovered_atoms; // given to apply
  uint64_t recovered_bytes;
  uint64_t cut_bytes;       // of a torn tail
};
void log_statistics(const struct log *log, struct log_statistics *statistics);
