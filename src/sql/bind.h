// Binding: from parse trees to typed statements. Names, types, PostgreSQL's implicit casts.
#pragma once

#include "sql/parse.h"
#include "sql/query.h"
#include "sql/settings.h"
#include "table/catalog.h"

// Of what definition an expression is: for the words of errors.
enum expression_place { PLACE_DEFINITION, PLACE_INDEX, PLACE_PREDICATE, PLACE_GENERATED };

struct bind_input {
  struct catalog *catalog;
  const struct version *version;
  const struct settings *settings;   // search path, role, format
  const struct parsed *parsed;
  struct bytes text;                 // the whole text, for positions
  // Parameters whose type the client or a literal gave (TYPE_UNKNOWN: to be found from their use).
  const struct type *parameters;
  int parameter_count;
  // Of a stripped text: whatever is wrong with it, and where a constant is needed (ORDER BY 1), binding answers
  // STATUS_LONG: bind the text as it stands.
  bool parameters_are_literals;
  const struct relation *source;     // of a workflow's statement: the source that drives it; NULL
  struct view_names *names;          // what names stand for is noted there (sql/view.h); NULL
  struct read_mark *mark;            // definitions looked at
  bool without_rights;               // nobody is asked whether the role may: it is bound once more before it runs
  enum expression_place place;       // of bind_expression
  struct arena *arena;               // the statement's
};

// A SELECT, INSERT, UPDATE, DELETE or VALUES. PostgreSQL's errors, with positions.
int bind_statement(const struct bind_input *input, struct statement **statement, struct error *error);
// Unpins what the statement keeps pinned (its memory is the arena's).
void statement_release(struct statement *statement);

// One expression over range 0 = the relation's columns, cast for assignment to `want` (TYPE_UNKNOWN: as it is):
// checks, defaults. No subqueries, no aggregates.
int bind_expression(const struct bind_input *input, const struct relation *relation, const char *text, struct type want,
                    struct node **node, struct error *error);
// The same from its tree, which stands in input->text: errors have positions.
int bind_expression_tree(const struct bind_input *input, const struct relation *relation, const PgQuery__Node *tree,
                         struct type want, struct node **node, struct error *error);
// The name that a SELECT gives the column of this expression.
const char *bind_column_name(const PgQuery__Node *tree, const char *otherwise);
// A condition over range 0 = the relation's columns, from the tree of input's own text: WHERE of COPY FROM.
int bind_row_condition(const struct bind_input *input, const struct relation *relation, const PgQuery__Node *tree,
                       const struct program **program, struct error *error);
// For catalog_hooks.compile.
int bind_compile(const struct bind_input *input, const struct relation *relation, const char *text, struct type want,
                 struct expression_text *compiled, struct error *error);
struct name_scope bind_name_scope(const struct bind_input *input);
// A type name of the grammar. 42704 `type "x" does not exist`, 0A000. *domain: the domain's object id, whose values, or
// arrays of them, the type then has; 0: none. NULL: a domain is taken for what lies beneath it.
int bind_type(const struct bind_input *input, const PgQuery__TypeName *name, struct bytes text, struct type *type,
              uint32_t *domain, struct error *error);
// The type made by users that the name stands for; *relation is NULL where it is none, or a built-in one.
int bind_user_type(const struct bind_input *input, const PgQuery__TypeName *name, const struct relation **relation,
                   struct error *error);
// The SQL text of an expression's tree, for pg_get_expr and for keeping defaults and checks.
int bind_deparse(const PgQuery__Node *node, struct arena *arena, const char **text, struct error *error);
// The same of a whole SELECT.
int bind_deparse_query(const PgQuery__Node *query, struct arena *arena, const char **text, struct error *error);
