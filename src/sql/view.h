// The text that keeps a view's query, and what becomes of it when what it names gets another name.
//
// In a view's text every table has its schema, every column its table where that can be said, and stars are written
// out: so it means the same whoever reads it, and a column that is added to a table does not change it.
// When a table or column gets another name, aliases in the text keep the names that the rest of it uses.
#pragma once

#include "sql/parse.h"
#include "table/relation.h"

// What names stood for when the query was bound (struct bind_input.names). Fill arena; the rest begins as zeros.
struct view_name;
struct view_names {
  struct arena *arena;
  struct view_name *list;
  int count, capacity;
  uint32_t *relations; // named by the query itself, not by views that it reads
  int relation_count, relation_capacity;
  bool failed; // out of memory
};

// Notes; names NULL: nobody wants to know. Texts are borrowed as long as names is used.
void view_note_table(struct view_names *names, const PgQuery__RangeVar *name, const char *schema, uint32_t relation);
void view_note_column(struct view_names *names, const PgQuery__ColumnRef *reference, const char *table);
void view_note_star(struct view_names *names, const PgQuery__ColumnRef *reference); // then its columns:
void view_note_star_column(struct view_names *names, const PgQuery__ColumnRef *reference, const char *table,
                           const char *column);

// The text of a query whose names were noted; its tree is changed by that.
int view_text(PgQuery__Node *query, const struct view_names *names, struct arena *arena, const char **text,
              struct error *error);

// Names of types made by users become pg_catalog.type_NUMBER, so that the text means the same whatever they are called, and
// tells what it depends on. *text: a SELECT or an expression; it stays where it has none.
struct bind_input;
int view_number_types(const struct bind_input *input, bool is_query, const char **text, struct error *error);

enum view_change_kind { VIEW_SCHEMA_RENAMED, VIEW_TABLE_MOVED, VIEW_COLUMN_RENAMED, VIEW_COLUMN_DROPPED };
struct view_change {
  enum view_change_kind kind;
  const char *schema, *table;  // as they were
  const char *to_schema, *to;  // as they are; of a column its name alone matters not: the text keeps the old one
  const struct schema *columns; // of the table before the change
  int column;
};
int view_text_change(const char *text, const struct view_change *change, struct arena *arena, const char **changed,
                     struct error *error);
