// What atom.c and branch.c share.
#pragma once

#include "txn/atom.h"

// Appends the payload of a change list to trunk->output. *entries: how many it has; with 0 nothing is appended.
// 53200: nothing is appended.
int trunk_emit(struct trunk *trunk, const struct change_list *changes, const struct version *version,
               uint64_t position, size_t *entries, struct error *error);
