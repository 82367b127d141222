// The thread that writes sinks: what an outbox gives out goes to its connector once the log has it, and what the connector
// says comes back to the loop as frames.
//
// All functions are the loop thread's. A connector's open, deliver, sync and close are only called on the sink thread.
#pragma once

#include "host/sources.h"

struct sinks;

int sinks_open(struct wake *wake, struct sinks **sinks, struct error *error);
void sinks_close(struct sinks *sinks);

// 42710: a connector of that name is known.
int sinks_add_connector(struct sinks *sinks, const struct quern_sink_connector *connector, struct error *error);
// 42704: no such connector; what the connector says otherwise.
int sinks_check(struct sinks *sinks, const struct relation *relation, struct error *error);

// FRAME_SINK_OPEN, FRAME_SINK_ROWS (copied), FRAME_SINK_CLOSE.
int sinks_begin(struct sinks *sinks, const struct frame *frame, struct error *error);
int sinks_give(struct sinks *sinks, const struct frame *frame, struct error *error);
void sinks_end(struct sinks *sinks, uint32_t sink);
// The log is durable up to here: what waited for it may be written.
void sinks_release(struct sinks *sinks, uint64_t durable);
// The next thing that a sink says, as a frame; its bytes stay until the next call of sinks_give for that sink, or sinks_begin.
// False: none.
bool sinks_take(struct sinks *sinks, struct frame *frame);
