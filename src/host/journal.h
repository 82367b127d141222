// The log thread: takes what the loop gives, writes it, syncs once for all that waited, and says how far the disk is.
#pragma once

#include "log/log.h"
#include "os/wake.h"

struct journal;

struct journal_statistics {
  uint64_t groups, atoms, bytes;
  uint64_t sync_us_total, sync_us_max;
  uint64_t sync_us_buckets[24]; // syncs that took less than 2^i microseconds (and not less than 2^(i-1))
};

// log and wake are borrowed; wake is signalled whenever journal_durable has grown or the journal has failed.
// one_by_one: each atom gets a sync of its own, to measure what group commit is worth.
int journal_open(struct log *log, struct wake *wake, bool one_by_one, struct journal **journal, struct error *error);
// Writes what still waits, then ends the thread.
void journal_close(struct journal *journal);

// Loop thread. Copies a run of atoms (step_output.changes). 53200: nothing was taken.
int journal_append(struct journal *journal, struct bytes changes, struct error *error);
// Any thread.
uint64_t journal_durable(const struct journal *journal);
// Bytes that wait to be written.
size_t journal_backlog(struct journal *journal);
// False: the disk is full; changes should be refused until there is room again.
bool journal_has_room(const struct journal *journal);
// 0, or why the log is lost.
int journal_failure(struct journal *journal, struct error *error);
void journal_statistics(struct journal *journal, struct journal_statistics *statistics);
// Waits until position is durable. False: the journal failed or is closing.
bool journal_wait(struct journal *journal, uint64_t position);
// The segments up to position are not needed any more: freed by the log thread.
void journal_free(struct journal *journal, uint64_t position);
// Bytes written to the log since it was opened.
uint64_t journal_bytes(struct journal *journal);
