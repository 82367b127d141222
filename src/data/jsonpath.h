// Paths into JSON, PostgreSQL's type jsonpath: read into a tree, and printed from it as PostgreSQL prints them.
//
// A value of the type is the text that is printed, so that equal paths have equal bytes. Who runs one reads it again.
#pragma once

#include "data/value.h"

enum jsonpath_kind {
  // operands, with which a path begins
  JSONPATH_NULL, JSONPATH_TRUE, JSONPATH_FALSE, JSONPATH_NUMBER, JSONPATH_STRING, JSONPATH_VARIABLE,
  JSONPATH_ROOT, JSONPATH_CURRENT, JSONPATH_LAST,
  // what follows them
  JSONPATH_KEY, JSONPATH_ANY_KEY, JSONPATH_ANY_LEVEL, JSONPATH_ELEMENTS, JSONPATH_ANY_ELEMENT, JSONPATH_FILTER,
  JSONPATH_TYPE, JSONPATH_SIZE, JSONPATH_DOUBLE, JSONPATH_CEILING, JSONPATH_FLOOR, JSONPATH_ABS, JSONPATH_DATETIME,
  JSONPATH_KEYVALUE,
  // predicates
  JSONPATH_OR, JSONPATH_AND, JSONPATH_EQUAL, JSONPATH_UNEQUAL, JSONPATH_LESS, JSONPATH_GREATER, JSONPATH_AT_MOST,
  JSONPATH_AT_LEAST, JSONPATH_STARTS_WITH, JSONPATH_LIKE_REGEX, JSONPATH_NOT, JSONPATH_EXISTS, JSONPATH_IS_UNKNOWN,
  // arithmetic
  JSONPATH_ADD, JSONPATH_SUBTRACT, JSONPATH_MULTIPLY, JSONPATH_DIVIDE, JSONPATH_MODULO, JSONPATH_PLUS, JSONPATH_MINUS,
};

#define JSONPATH_LEVELS UINT32_MAX // of .**: any; {last}

struct jsonpath_node {
  enum jsonpath_kind kind;
  struct jsonpath_node *next;           // what follows: .a of $.a
  struct jsonpath_node *left, *right;   // operands; ELEMENTS: the bounds, right may be NULL; FILTER and DATETIME: left
  struct jsonpath_node *more;           // of ELEMENTS: the next subscript, [1, 2 to 3]
  struct bytes text;                    // of STRING, VARIABLE, KEY, LIKE_REGEX
  struct value number;
  uint32_t first, last;                 // of ANY_LEVEL
  char flags[8];                        // of LIKE_REGEX, in PostgreSQL's order
};

struct jsonpath {
  bool is_strict;
  struct jsonpath_node *root;
};

static inline bool jsonpath_is_predicate(enum jsonpath_kind kind)
{
  return kind >= JSONPATH_OR && kind <= JSONPATH_IS_UNKNOWN;
}

// 42601 for what is no path, 54001 where it has too many steps.
int jsonpath_read(struct bytes text, struct arena *arena, struct jsonpath *path, struct error *error);
void jsonpath_print(const struct jsonpath *path, struct buffer *out);
// Of the types' input: the text as it is printed.
int jsonpath_from_text(struct bytes text, struct arena *arena, struct value *value, struct error *error);
bool jsonpath_is_valid(struct bytes bytes); // for what comes from files
// "type", "size", …: methods alone.
const char *jsonpath_method_name(enum jsonpath_kind kind);
