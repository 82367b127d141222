// UTF-8: what may be text at all, and text counted in characters.
#pragma once

#include "base/bytes.h"
#include "base/error.h"

// 22021 for what is not UTF-8 or holds a zero byte.
int utf8_check(struct bytes text, struct error *error);
bool utf8_is_valid(struct bytes text);
// Bytes of the character that starts with this byte (valid text).
static inline int utf8_width(uint8_t first) { return first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4; }
// Characters of a valid text.
size_t utf8_length(struct bytes text);
// Bytes of the first count characters of a valid text (all of it where it has fewer).
size_t utf8_prefix(struct bytes text, size_t count);
