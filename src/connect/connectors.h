// The connectors that come with the server (push is every engine's). One file each; all on quern.h.
#pragma once

#include "connect/folder.h"
#include "quern.h"

// 'generator': rows that are a function of (seed, position).
extern const struct quern_connector connector_generator;
// 'proc': this machine's live measurements.
extern const struct quern_connector connector_proc;

// 'file': the rows of a file in one of the folders, which are borrowed.
void connector_file(struct quern_connector *connector, struct folders *folders);

// 'file' as a sink: rows are appended to a file in one of the folders.
void connector_file_sink(struct quern_sink_connector *connector, struct folders *folders);

// What the connectors know of the server. Outlives the engine; all zero at first.
struct connectors {
  struct folders folders;
  struct quern_connector file;
  struct quern_sink_connector file_sink;
};
// Adds them all. 0 or negative.
int connectors_add(struct connectors *connectors, struct quern *engine);
