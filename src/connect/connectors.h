// The connectors that come with Quern. One file each; all on quern.h.
#pragma once

#include "quern.h"

// 'generator': rows that are a function of (seed, position).
extern const struct quern_connector connector_generator;
// 'proc': this machine's live measurements.
extern const struct quern_connector connector_proc;
// 'push': INSERT and COPY alone.
extern const struct quern_connector connector_push;

// Adds them all. 0 or negative.
int connectors_add(struct quern *engine);
