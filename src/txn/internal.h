// What the files of this folder share. Not for others.
#pragma once

#include "txn/atom.h"

// Appends the payload of a change list to trunk->output. *entries: how many it has; with 0 nothing is appended.
// 53200: nothing is appended.
int trunk_emit(struct trunk *trunk, const struct change_list *changes, const struct version *version,
               uint64_t position, size_t *entries, struct error *error);

// Adds the tree to a list of up to STORE_ATTACH_LIMIT if it is not there. False: the list is full.
bool note_tree(tree_number *trees, int *count, tree_number tree);
