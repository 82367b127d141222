// Typed expression trees: what the binder makes, the compiler takes and EXPLAIN prints.
// Nodes live in an arena and are immutable once made.
#pragma once

#include "base/arena.h"
#include "data/type.h"
#include "data/value.h"

struct function;  // expr/function.h
struct aggregate; // expr/function.h
struct domain_test; // expr/domain.h

enum node_kind {
  NODE_CONSTANT,  // value
  NODE_PARAMETER, // number (from 0)
  NODE_COLUMN,    // range, column
  NODE_CALL,      // function, arguments
  NODE_AND,       // arguments (two or more), three-valued, left to right
  NODE_OR,
  NODE_NOT,       // one argument
  NODE_IS_NULL,   // one argument; negated: IS NOT NULL
  NODE_IS_TRUE,   // IS TRUE / negated: IS NOT TRUE
  NODE_IS_FALSE,
  NODE_IS_UNKNOWN,
  NODE_DISTINCT,  // IS DISTINCT FROM; negated: IS NOT DISTINCT FROM. two arguments of one type
  NODE_CASE,      // arguments: when1, then1, when2, then2, …, else (always there; conditions are booleans)
  NODE_COALESCE,
  NODE_NULLIF,    // two arguments of one type: the first, or NULL where they are equal
  NODE_GREATEST,
  NODE_LEAST,
  NODE_IN_LIST,   // first argument IN (the others), all of one type; negated: NOT IN
  NODE_ARRAY_TEST, // function holds for the first argument and an element of the second; negated: and every element
  NODE_DOMAIN,     // one argument, which the domain's constraints hold of
  NODE_SUBQUERY,  // subquery: see subquery_kind; arguments[0] is the left side of IN
};

enum subquery_kind { SUBQUERY_SCALAR, SUBQUERY_EXISTS, SUBQUERY_IN, SUBQUERY_ARRAY, SUBQUERY_ANY, SUBQUERY_ALL };

struct node {
  enum node_kind kind;
  struct type type;
  int32_t position; // in the statement's text, in bytes from 0; -1: unknown
  bool negated; // of a NODE_CALL: the elements of its last argument, an array, are arguments (VARIADIC)
  bool is_quoted; // of a NODE_CONSTANT: the statement has it as a text
  int argument_count;
  struct node **arguments;
  const struct user_types *types; // of a NODE_CALL that reads values of types made by users; lives where the node does
  union {
    struct value constant;
    int parameter;
    struct {
      int range;  // number of the range entry, unique in the whole statement
      int column; // from 0
    };
    const struct function *function;
    const struct domain_test *domain;
    struct {
      enum subquery_kind subquery_kind;
      int subquery; // number in the statement's list of subqueries
    };
  };
};

struct node *node_constant(struct arena *arena, struct type type, struct value value, int32_t position);
struct node *node_column(struct arena *arena, struct type type, int range, int column, int32_t position);
// NULL: out of memory. The arguments are copied as an array, not deeply.
struct node *node_new(struct arena *arena, enum node_kind kind, struct type type, int32_t position,
                      struct node *const *arguments, int argument_count);

// Calls visit for the node and all below it, parents first; stops when it returns false (and returns false).
bool node_walk(const struct node *node, bool (*visit)(const struct node *node, void *context), void *context);
// Same meaning, whatever their positions.
bool node_equal(const struct node *a, const struct node *b);
// The same for a node over this range and one over a row (range 0), as definitions have them.
bool node_equal_over(const struct node *node, int range, const struct node *of_row);
