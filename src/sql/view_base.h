// What a view selects from, where it may be changed as if it were that table: found from its text alone.
#pragma once

#include "sql/parse.h"
#include "table/catalog.h"

struct view_base {
  const char *why;            // it may not be changed, in PostgreSQL's words; NULL: it may
  const char *schema, *table; // what it selects from: a table, or another view
  const char *alias;          // as its query calls it
  int alias_count;            // columns that FROM gives other names
  const char **aliases;
  int column_count;           // of the view
  const char **columns;       // the name of the column that each is; NULL: it is an expression
};

// Texts are the arena's.
int view_base_of(const struct relation *view, struct arena *arena, struct view_base *base, struct error *error);
// The table or view that it selects from; NULL: something else.
const struct relation *view_base_relation(struct catalog *catalog, const struct version *version,
                                          const struct view_base *base);
// May it be changed, with all that is below it? columns: for each, whether it may be assigned; NULL: nobody wants to know.
int view_is_updatable(struct catalog *catalog, const struct version *version, const struct relation *view,
                      struct arena *arena, bool *is_updatable, bool *columns, struct error *error);
// The name that the view's query has for a column of what it selects from; NULL: the column was dropped.
const char *view_base_name(const struct view_base *base, const struct relation *relation, int column);
// The column of what it selects from that the view's column is; -1: none.
int view_base_column(const struct view_base *base, const struct relation *relation, int column);
// Is one of its columns a column of what it selects from?
bool view_base_has_columns(const struct view_base *base, const struct relation *relation);
#define VIEW_WITHOUT_COLUMNS "Views that have no updatable columns are not automatically updatable."
#define VIEW_NOT_OF_TABLE "Views that do not select from a single table or view are not automatically updatable."
