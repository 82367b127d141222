// The thread that polls connectors, and the bounded queue by which their batches come to the loop.
//
// All functions are the loop thread's. A connector's open, poll and close are only called on the source thread.
#pragma once

#include "os/wake.h"
#include "partition/partition.h"
#include "quern.h"

struct sources;

enum { SOURCES_BATCHES = 4 }; // that wait of one source

extern const struct quern_connector push_connector;

// What a connector of a source or a sink is told of it, in the arena; and what it says, as an error of ours.
int connector_info(const struct relation *relation, struct arena *arena, struct quern_source_info *info, struct error *error);
int connector_failure(const struct quern_error *given, struct error *error);
// Asks a connector's check, if it has one, about the definition.
int connector_check(const struct relation *relation, int (*check)(const struct quern_source_info *, struct quern_error *),
                    void *context, struct error *error);

// Knows push_connector from the beginning.
int sources_open(struct wake *wake, struct sources **sources, struct error *error);
void sources_close(struct sources *sources);

// 42710: a connector of that name is known.
int sources_add_connector(struct sources *sources, const struct quern_connector *connector, struct error *error);
// 42704: no such connector; what the connector says otherwise.
int sources_check(struct sources *sources, const struct relation *relation, struct error *error);

// FRAME_SOURCE_OPEN: begins to read. A source of a connector that is not known yet begins when it is added.
int sources_begin(struct sources *sources, const struct frame *frame, struct error *error);
void sources_end(struct sources *sources, uint32_t source);
void sources_hold(struct sources *sources, uint32_t source, bool is_held); // while held it is not polled

// The next batch (or failure) that waits, as a frame; its bytes stay until sources_taken. False: none.
bool sources_take(struct sources *sources, struct frame *frame);
void sources_taken(struct sources *sources); // all frames that were taken have been stepped
int64_t sources_lag(struct sources *sources, uint32_t source);
