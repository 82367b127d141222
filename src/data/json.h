// JSON as text: reading it (RFC 8259, with PostgreSQL's words for what it refuses), and walking over text that was read
// before.
#pragma once

#include "base/buffer.h"
#include "base/error.h"

// In the order in which jsonb sorts them.
enum json_kind { JSON_NULL, JSON_STRING, JSON_NUMBER, JSON_FALSE, JSON_TRUE, JSON_ARRAY, JSON_OBJECT };

static inline bool json_is_container(enum json_kind kind)
{
  return kind >= JSON_ARRAY;
}

// What a text consists of, in its order. Each returns a status; the bytes are borrowed until the next call.
struct json_events {
  int (*begin)(void *context, enum json_kind kind);
  int (*end)(void *context, enum json_kind kind);
  int (*key)(void *context, struct bytes name);                             // without its escapes
  int (*scalar)(void *context, enum json_kind kind, struct bytes contents); // a string without its escapes
};

// Reads valid UTF-8. 22P02 for what is not JSON; 54001 where it nests deeper than LIMIT_JSON_NESTING. Without events
// the text is only looked at, and escapes that no text can hold (\u0000, half a surrogate pair) pass, as in the type
// json; with events they are refused (22P05, 22P02).
int json_parse(struct bytes text, const struct json_events *events, void *context, struct error *error);

// 54001, for what would nest deeper than LIMIT_JSON_NESTING.
int json_too_deep(struct error *error) __attribute__((warn_unused_result));

// ---- walking over valid JSON ----

enum json_kind json_kind_of(struct bytes value); // spaces may stand around the value
struct bytes json_trim(struct bytes value);      // without them
// The member behind *position (0 at first) of an array or object. False: there is none. name: with its quotes and
// escapes, of an object's member; its value without the spaces around it.
bool json_next(struct bytes container, size_t *position, struct bytes *name, struct bytes *value);
// Appends what the string stands for; quoted: with its quotes. 22P05, 22P02 as above.
int json_unescape(struct bytes quoted, struct buffer *out, struct error *error);
// Appends the text as a JSON string.
void json_quote(struct bytes text, struct buffer *out);
