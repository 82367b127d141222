// Definitions as bytes: the rows of TREE_RELATIONS.
#pragma once

#include "table/relation.h"

// Appends the definition's row. 53200, 54000 beyond LIMIT_ROW.
int definition_encode(const struct relation *relation, struct buffer *out, struct error *error);
// Fills the relation, everything in the arena. The bytes may be anything: XX001 when they are no definition.
int definition_decode(struct bytes row, struct arena *arena, struct relation *relation, struct error *error);
// The stamp alone, without decoding. False: too short for a definition.
bool definition_stamp(struct bytes row, uint64_t *stamp);
