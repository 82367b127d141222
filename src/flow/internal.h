// What the files of flow/ share.
#pragma once

#include "flow/flow.h"

// One row of TREE_POSITIONS: of a source, a workflow or a sink.
enum { SOURCE_ROWS, SOURCE_BYTES, SOURCE_ERRORS, SOURCE_LATE, SOURCE_NEWEST }; // the last one: of struct event_clock
enum { PROGRESS_COUNTS = 5 };
enum { SINK_ROWS, SINK_BYTES, SINK_ERRORS }; // delivered; errors as a source's, for flow_fail
enum { WORKFLOW_ATOMS, WORKFLOW_ROWS_IN, WORKFLOW_ROWS_OUT, WORKFLOW_ERRORS };
struct progress {
  uint64_t counts[PROGRESS_COUNTS];
  struct bytes position; // borrowed from the version
};
// All zero when there is none yet (then false).
bool progress_read(const struct version *version, uint32_t oid, struct progress *progress);
int progress_write(struct writer *writer, uint32_t oid, const struct progress *progress);
// Keeps the newest LIMIT_SOURCE_ERRORS.
int source_error_add(struct writer *writer, uint32_t source_oid, struct bytes position, struct bytes text,
                     const struct error *reason, int64_t now);

// --- event_time.c
struct event_clock {
  int column; // -1: the source has no event time
  enum type_id type;
  int64_t lateness; // microseconds
  bool drops;       // late rows
  uint64_t newest;  // the greatest time that was seen, as a number that is 0 for none
  uint64_t late;    // rows since the clock was opened
};
int event_clock_open(const struct relation *source, const struct version *version, struct event_clock *clock,
                     struct error *error);
bool event_clock_watermark(const struct event_clock *clock, int64_t *watermark); // false: there is none yet
bool event_clock_is_late(const struct event_clock *clock, const struct value *values);
void event_clock_advance(struct event_clock *clock, const struct value *values);
