// What the files of flow/ share.
#pragma once

#include "flow/flow.h"

// One row of TREE_POSITIONS: of a source, a workflow or a sink.
enum { SOURCE_ROWS, SOURCE_BYTES, SOURCE_ERRORS };
enum { SINK_ROWS, SINK_BYTES, SINK_ERRORS }; // delivered; errors as a source's, for flow_fail
enum { WORKFLOW_ATOMS, WORKFLOW_ROWS_IN, WORKFLOW_ROWS_OUT, WORKFLOW_ERRORS };
struct progress {
  uint64_t counts[4];
  struct bytes position; // borrowed from the version
};
// All zero when there is none yet (then false).
bool progress_read(const struct version *version, uint32_t oid, struct progress *progress);
int progress_write(struct writer *writer, uint32_t oid, const struct progress *progress);
// Keeps the newest LIMIT_SOURCE_ERRORS.
int source_error_add(struct writer *writer, uint32_t source_oid, struct bytes position, struct bytes text,
                     const struct error *reason, int64_t now);
