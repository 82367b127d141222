// What the files of jsonb share.
#pragma once

#include "data/jsonb.h"

enum { WORD = 4, KIND_SHIFT = 28, END_MASK = (1 << 28) - 1 };

// The order of an object's members.
int jsonb_compare_names(struct bytes a, struct bytes b);

// For keys: bytes in which memcmp is the order of jsonb; one value's are never the beginning of another's. 54000 beyond
// LIMIT_KEY.
int jsonb_key_append(struct jsonb item, struct buffer *out, struct error *error);
// Reads one back and moves *key behind it. Numbers come back with the smallest scale. False on malformed bytes.
bool jsonb_key_read(struct bytes *key, struct arena *arena, struct value *value);
