// The text forms of bytea and uuid. Both are borrowed bytes in values: any number of any, and 16.
#pragma once

#include "data/value.h"

enum { UUID_SIZE = 16 };

// Hexadecimal ("\xdead") or with escapes ("a\\000b").
int bytea_from_text(struct bytes text, struct arena *arena, struct value *value, struct error *error);
void bytea_to_text(const struct value *value, struct buffer *out); // hexadecimal
int uuid_from_text(struct bytes text, struct arena *arena, struct value *value, struct error *error);
void uuid_to_text(const struct value *value, struct buffer *out);

// Pairs of hexadecimal digits; blanks between pairs do not count. 22023.
int hexadecimal_decode(struct bytes text, uint8_t *out, size_t *size, struct error *error);
void hexadecimal_encode(struct bytes bytes, struct buffer *out);
// Octal escapes "\123", and "\\". 22P02. `out` has room for as many bytes as the text has.
int escapes_decode(struct bytes text, uint8_t *out, size_t *size, struct error *error);
void escapes_encode(struct bytes bytes, struct buffer *out);
