// Streams and workflows: rows that arrive at a source go into its table if it is keyed and through the
// workflows that it drives, all inside the atom that runs.
//
// flow/ steps tasks that it does not know: how a workflow's text is run, it is told by its hooks (sql/).
//
// 1. Rows are taken in order; for each row first the source's table changes, then its workflows run, in the
//    order of their object ids; workflows that take the whole atom run after its last row.
// 2. Progress (positions, counts) and errors are rows of the same atom: they stand or fall with it.
#pragma once

#include "table/write.h"

struct flow;
struct task;

// Rows of a source or of an INSERT: values of the relation's columns, row after row.
struct row_batch {
  struct value *const *rows; // rows[i][column]
  int row_count;
};

struct flow_hooks {
  void *context;
  // Makes what runs a workflow or a sink, for the definitions of writer->version. *takes_atom: it wants an atom's rows at once.
  int (*task_open)(void *context, struct writer *writer, const struct relation *workflow, const struct relation *source,
                   struct task **task, bool *takes_atom, struct error *error);
  void (*task_close)(void *context, struct task *task);
  // Runs the workflow's statements over the rows. What it changed before it failed is undone by flow/.
  // *rows_out: how many rows its statements changed.
  int (*task_run)(void *context, struct task *task, struct writer *writer, const struct row_batch *rows,
                  uint64_t *rows_out, struct error *error);
};

// hooks are copied; account is borrowed.
struct flow *flow_open(struct catalog *catalog, const struct flow_hooks *hooks, struct memory_account *account);
void flow_close(struct flow *flow);

// An INSERT or COPY: rows arrive at the source inside the writer's atom or branch. Any error is the statement's.
int flow_push(struct flow *flow, struct writer *writer, const struct relation *source, const struct row_batch *rows,
              struct error *error);

// A connector's batch, as one atom's worth. Each row that fails is undone by itself and goes to quern.source_errors.
struct arrival {
  const struct relation *source;
  struct bytes rows; // row after row: be16 column count, for each column be32 length (-1: NULL) and bytes
  bool is_binary;    // the columns' bytes are PostgreSQL's binary form; otherwise text
  bool is_json;      // each row is a JSON object
  int row_count;
  struct bytes position; // the connector's, behind the last row
  int64_t now;           // microseconds since 2000-01-01 UTC
};
// Fails only for what ends the atom as a whole (53200, malformed framing: 22P04): the caller undoes it.
int flow_arrive(struct flow *flow, struct writer *writer, const struct arrival *arrival, struct error *error);

// A source that cannot be opened or read, or a sink that cannot be written: counted and put into quern.source_errors.
int flow_fail(struct writer *writer, const struct relation *source, const struct error *reason, int64_t now,
              struct error *error);

// Progress as committed in the version.
struct source_progress {
  uint64_t rows, bytes, errors, late;
  struct bytes position; // borrowed from the version; empty: at its beginning
};
struct workflow_progress {
  uint64_t atoms, rows_in, rows_out, errors;
};
void flow_source_progress(const struct version *version, uint32_t source_oid, struct source_progress *progress);
void flow_workflow_progress(const struct version *version, uint32_t workflow_oid, struct workflow_progress *progress);

// The source's watermark, in microseconds since 2000-01-01 (UTC): behind the row that is under way, if there is one. False: the
// source has no event time, or has seen none.
bool flow_watermark(const struct flow *flow, const struct version *version, const struct relation *source,
                    int64_t *watermark);
// The option, in microseconds; 0 where it is not given. 22007, 22023.
int event_lateness(const struct relation *source, int64_t *microseconds, struct error *error);

struct source_error {
  uint32_t source_oid;
  struct bytes position, text, reason; // text: the row as it came, cut at a bound
  char sqlstate[6];
  int64_t at;
};
// Walks the kept errors from the oldest: start with *at = 0; false behind the newest. Borrowed from the version.
bool flow_error_next(const struct version *version, uint64_t *at, struct source_error *error);

// --- Sinks. A sink is a consumer whose rows go into its tree, the outbox, until its connector has made them durable.
// Reads from the outbox's beginning what one delivery takes: rows as a connector's batch has them (in text), and their
// keys, 8 bytes each. Scratch is given back. XX001.
struct outbox_batch {
  struct buffer rows, keys;
  int row_count;
};
int flow_outbox_read(const struct version *version, const struct relation *sink, struct arena *scratch,
                     struct outbox_batch *batch, struct error *error);
// The rows with these keys are delivered, and the connector is at this position.
int flow_outbox_delivered(struct writer *writer, const struct relation *sink, struct bytes keys, uint64_t bytes,
                          struct bytes position, struct error *error);
uint64_t flow_outbox_limit(const struct relation *sink); // rows
bool flow_outbox_is_full(const struct version *version, const struct relation *sink);
// Do rows of this source come to the sink, through workflows too?
bool flow_feeds(const struct flow *flow, const struct version *version, uint32_t source_oid, const struct relation *sink);
struct sink_progress {
  uint64_t rows, bytes, errors; // delivered
  struct bytes position;        // borrowed from the version; empty: it was never opened
};
void flow_sink_progress(const struct version *version, uint32_t sink_oid, struct sink_progress *progress);

// Should the connector of this source be reading: is it running, and does it have a table or a consumer?
bool flow_wants_source(const struct flow *flow, const struct version *version, const struct relation *source);
