// The partition: a pure state machine that owns the trunk.
//
//   partition_step(partition, input frames) -> change lists (bytes), output frames
//
// 1. No clock, thread, socket, file or random number inside: time and seeds come in with the frames. For equal frames
//    it does equal things.
// 2. Each reply names the log position on which it depends; the host lets it go once that position is durable.
// 3. Long reads leave as jobs: pure functions of a pinned version, which the host may run on any thread and whose
//    results come back as frames.
// 4. Only partition_step and the functions here that say so touch the trunk; they run on one thread.
//
// Replies are messages of PostgreSQL's protocol 3 as they go to the client, requests as they come from it.
#pragma once

#include "base/arena.h"
#include "base/buffer.h"
#include "base/error.h"
#include "data/type.h"

struct partition;
struct job;
struct version;
struct relation;

struct partition_options {
  uint64_t memory_limit;     // bytes; 0: no bound
  uint64_t statement_memory; // bytes; 0: DEFAULT_STATEMENT_MEMORY
  uint64_t snapshot_memory;  // bytes that transactions and long reads may hold back; 0: DEFAULT_SNAPSHOT_MEMORY
  uint64_t scan_allowance;   // rows on the loop; 0: LIMIT_SCAN_ALLOWANCE
  uint64_t seed;
  uint32_t session_limit;    // 0: LIMIT_CONNECTIONS
  bool without_log;          // change lists are not given out: nothing is kept
  // Left out, to measure what they are worth.
  bool without_plan_cache, without_literals, without_short_path;
  bool without_pipelining;   // a session's next group waits for FRAME_NEXT
  // Checks connector and options when a source is created, and figures that the host has (quern.metrics). NULL: none.
  const struct partition_hooks *hooks;
};

struct metric_sink;
struct spill_hooks;
struct partition_hooks {
  void *context;
  // 22023 or 42704: the source's connector or options will not do.
  int (*check_source)(void *context, const struct relation *source, struct error *error);
  int (*check_sink)(void *context, const struct relation *sink, struct error *error);
  // A clock for EXPLAIN ANALYZE, whose times are part of no promise; any thread. NULL: it tells none.
  int64_t (*nanoseconds)(void);
  // Temporary files, for whatever thread runs a statement. NULL: what its memory does not hold gets 53200.
  const struct spill_hooks *spill;
  // The host's own figures: calls metric_add for each.
  void (*metrics)(void *context, struct metric_sink *sink);
  // What the connector last said of its backlog; -1: unknown.
  int64_t (*source_lag)(void *context, uint32_t source_oid);
  // Writes a backup. STATUS_WAIT: it will take some time; FRAME_BACKUP_DONE tells when to ask again, the same.
  int (*backup)(void *context, uint32_t session, const char *name, uint64_t *position, struct error *error);
};
// labels: 'name="value",…' or empty.
void metric_add(struct metric_sink *sink, const char *name, const char *labels, double value);

enum frame_kind {
  // In
  FRAME_OPEN,     // session: a new conversation; payload: "user\0…\0" pairs as in the start-up message; secret
  FRAME_CLOSE,    // session: gone; what it has not committed is undone
  FRAME_REQUEST,  // session, payload: whole messages
  FRAME_HOLD,     // session: produce no more until FRAME_RELEASE
  FRAME_RELEASE,  // session: go on
  FRAME_NEXT,     // session, without pipelining: all its replies have left
  FRAME_CANCEL,   // session
  FRAME_ROWS,     // source, opening, payload, row_count, is_binary, is_json, position: a connector's batch
  FRAME_SOURCE_FAILED, // source, opening, payload: text; what opening or polling it met: goes to quern.source_errors
  FRAME_SINK_DONE,   // source (the sink's oid), opening, position: the sink is open, or what it was given is durable there
  FRAME_SINK_WAITS,  // source, opening, payload: text; the sink cannot go on now and tries again by itself
  FRAME_SINK_FAILED, // source, opening, payload: text; it does not try again
  FRAME_JOB_DONE, // job
  FRAME_BACKUP_DONE, // session
  FRAME_FULL,     // the log cannot grow: changes are refused with 53100
  FRAME_ROOM,     // it can again
  // Out
  FRAME_REPLY,    // session, payload: whole messages; depends on log_position
  FRAME_END,      // session: the conversation is over (after a FATAL reply); the host closes it
  FRAME_JOB,      // job: to be run by job_run, then FRAME_JOB_DONE
  FRAME_SOURCE_OPEN,  // source, opening, relation, position: begin to read behind position
  FRAME_SOURCE_CLOSE, // source
  FRAME_SOURCE_HOLD,  // source: read no more until FRAME_SOURCE_GO
  FRAME_SOURCE_GO,    // source
  FRAME_SINK_OPEN,    // source, opening, relation, position: cut back what is behind position
  FRAME_SINK_ROWS,    // source, opening, payload, row_count: to be written once log_position is durable. One at a time
  FRAME_SINK_CLOSE,   // source
};

struct frame {
  enum frame_kind kind;
  uint32_t session;
  uint32_t source;        // oid
  uint32_t role;          // FRAME_OPEN: oid of the role that was let in; 0: the user's name tells
  uint64_t opening;       // of FRAME_SOURCE_OPEN; what is read then names it again, so that an earlier opening's rows are known
  int32_t secret;
  int32_t row_count;
  bool is_binary, is_json;
  struct bytes payload;   // borrowed for the step (in) or until the next one (out)
  struct bytes position;  // a source's
  uint64_t log_position;
  struct job *job;
  const struct relation *relation; // FRAME_SOURCE_OPEN, FRAME_SINK_OPEN: borrowed until the next step
};

struct step_time {
  int64_t wall;      // microseconds since 2000-01-01 UTC
  int64_t monotonic; // microseconds
};

struct step_output {
  const struct frame *frames;
  int frame_count;
  // Payloads of the atoms that committed: position (8), size (4), bytes, each (txn/atom.h); to be logged in this order.
  struct bytes changes;
  int64_t deadline; // monotonic: when the partition wants to be stepped even without frames; INT64_MAX: never
};

struct partition *partition_open(const struct partition_options *options, struct error *error);
void partition_close(struct partition *partition); // nobody may run a job of it any more

// --- Recovery: before the first step. Load a checkpoint into the trunk, then apply the log, then finish.
struct version *partition_trunk(struct partition *partition);
uint64_t partition_position(const struct partition *partition); // of the trunk, at any time
int partition_apply(struct partition *partition, struct bytes payload, uint64_t position, struct error *error);
// position: of the checkpoint, or of the last record. is_new: nothing was found, write the first definitions.
int partition_recovered(struct partition *partition, uint64_t position, struct error *error);

// After recovery: looks at every tree and table. found: told of each table; fault NULL: all is well. XX001: a tree is broken.
int partition_verify(struct partition *partition, void (*found)(void *context, const char *table, uint64_t rows, const struct error *fault),
                     void *context, struct error *error);

// Never fails for what a frame says: that gets replies. STATUS_FATAL: the partition is lost (error says why).
int partition_step(struct partition *partition, const struct frame *frames, int frame_count, const struct step_time *time,
                   struct step_output *output, struct error *error);
// --- The direct way of a short statement, past frames and messages: one that finds or changes a row by its key, in a
// session that is at rest outside of a transaction. Between steps only.
struct value;
struct session;
struct named_statement;
// Where a statement was found the last time; all zero at first. Good until the frame that closes its session.
struct call_place {
  struct session *session;
  struct named_statement *statement;
  uint64_t names; // of the session, as they were then
};
// Statements of the C library's handles are called so, with a number behind: who runs them looks at the columns each time,
// so that they may change.
#define HANDLE_STATEMENT "quern "

struct partition_call {
  uint32_t session;
  struct bytes statement;         // its name
  struct call_place *place;
  const enum type_id *types;      // of the values as given: boolean, int8, float8, timestamptz, or unknown: a text
  const struct value *values;
  int count;
  bool may_change;                // changes need not be logged
  uint64_t durable;               // a row that depends on more is not given
  void (*row)(void *context, const enum type_id *types, const struct value *values, int count); // borrowed for the call
  void *context;
  uint64_t row_count;             // out: given or changed
};
// False: nothing was done (or all of it was undone): send the messages, which also tell what is wrong.
// What row was given is void then.
bool partition_call(struct partition *partition, struct partition_call *call, const struct step_time *time);
// Small work between steps (freeing old versions' memory). True: there is more.
bool partition_idle(struct partition *partition);
// Memory that was freed is kept, to be used again. partition_trim gives back what was not used since it was called last:
// now and then, as long as there is some.
bool partition_has_spare(const struct partition *partition);
void partition_trim(struct partition *partition);

// A pinned trunk for a checkpoint, and its position. NULL: out of memory.
struct version *partition_pin(struct partition *partition, uint64_t *position);
void partition_unpin(struct partition *partition, struct version *snapshot);

// Any thread. Runs the job to its end or to its next chunk; stops soon after job_cancel.
void job_run(struct job *job);
void job_cancel(struct job *job);
// Instead of job_run, where nobody can run it: it ends with this error. FRAME_JOB_DONE follows as ever.
void job_refuse(struct job *job, const struct error *reason);
