// Texts of views: names noted while binding are put into the tree, and the tree is written out.
//
// What is put into a tree is allocated as protobuf-c does it, since parse_close frees it with the rest.
#include "sql/view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sqlstate.h"
#include "sql/bind.h"

// Of a RangeVar: its schema in `table`. Of a star: an entry without names, and one a column behind it.
struct view_name {
  const void *tree;
  const char *table;  // NULL: cannot be said
  const char *column; // of a star's column
};

// --- Notes -----------------------------------------------------------------------------------------

static bool grow(struct view_names *names, void *array, int count, int *capacity, size_t size)
{
  if (count < *capacity)
    return true;
  int larger = *capacity ? *capacity * 2 : 16;
  void *grown = arena_alloc(names->arena, size * (size_t)larger), *old;
  if (!grown) {
    names->failed = true;
    return false;
  }
  memcpy(&old, array, sizeof old);
  if (count)
    memcpy(grown, old, size * (size_t)count);
  memcpy(array, &grown, sizeof grown);
  *capacity = larger;
  return true;
}

static void note(struct view_names *names, const void *tree, const char *table, const char *column)
{
  if (names && grow(names, &names->list, names->count, &names->capacity, sizeof *names->list))
    names->list[names->count++] = (struct view_name){tree, table, column};
}

void view_note_table(struct view_names *names, const PgQuery__RangeVar *name, const char *schema, uint32_t relation)
{
  note(names, name, schema, NULL);
  if (!names || !relation)
    return;
  for (int i = 0; i < names->relation_count; i++)
    if (names->relations[i] == relation)
      return;
  if (grow(names, &names->relations, names->relation_count, &names->relation_capacity, sizeof *names->relations))
    names->relations[names->relation_count++] = relation;
}

void view_note_column(struct view_names *names, const PgQuery__ColumnRef *reference, const char *table)
{
  note(names, reference, table, NULL);
}

void view_note_star(struct view_names *names, const PgQuery__ColumnRef *reference)
{
  note(names, reference, NULL, NULL);
}

void view_note_star_column(struct view_names *names, const PgQuery__ColumnRef *reference, const char *table,
                           const char *column)
{
  note(names, reference, table, column);
}

// The number of the first note about this tree; -1: there is none.
static int find_note(const struct view_names *names, const void *tree)
{
  for (int i = 0; i < names->count; i++)
    if (names->list[i].tree == tree)
      return i;
  return -1;
}

// --- Pieces of trees -------------------------------------------------------------------------------

struct rewriting {
  const struct view_names *names;   // writing a query out
  const struct view_change *change; // or following a change
  bool failed;                      // out of memory
};

static void *take_memory(struct rewriting *rewriting, size_t size)
{
  void *memory = malloc(size);
  rewriting->failed |= !memory;
  return memory;
}

static char *new_text(struct rewriting *rewriting, const char *text)
{
  char *copy = take_memory(rewriting, strlen(text) + 1);
  if (copy)
    strcpy(copy, text);
  return copy;
}

// Sets a text of a node: an empty one is not on the heap.
static void set_text(struct rewriting *rewriting, char **place, const char *text)
{
  char *copy = new_text(rewriting, text);
  if (!copy)
    return;
  if (*place && (*place)[0])
    free(*place);
  *place = copy;
}

static PgQuery__Node *new_string(struct rewriting *rewriting, const char *text)
{
  PgQuery__Node *node = parse_string_node(text);
  rewriting->failed |= !node;
  return node;
}

static void free_node(PgQuery__Node *node)
{
  if (node)
    pg_query__node__free_unpacked(node, NULL);
}

// Puts a node into a list of them, at this place.
static void insert_node(struct rewriting *rewriting, PgQuery__Node ***list, size_t *count, size_t at, PgQuery__Node *node)
{
  PgQuery__Node **grown = node ? realloc(*list, (*count + 1) * sizeof *grown) : NULL;
  if (!grown) {
    rewriting->failed = true;
    free_node(node);
    return;
  }
  memmove(grown + at + 1, grown + at, (*count - at) * sizeof *grown);
  grown[at] = node;
  *list = grown;
  ++*count;
}

// SELECT … table.column: as an entry of a select list.
static PgQuery__Node *new_target(struct rewriting *rewriting, const char *table, const char *column)
{
  PgQuery__Node *node = take_memory(rewriting, sizeof *node), *value = take_memory(rewriting, sizeof *value);
  PgQuery__ResTarget *target = take_memory(rewriting, sizeof *target);
  PgQuery__ColumnRef *reference = take_memory(rewriting, sizeof *reference);
  if (!node || !value || !target || !reference) {
    free(node);
    free(value);
    free(target);
    free(reference);
    return NULL;
  }
  *reference = (PgQuery__ColumnRef)PG_QUERY__COLUMN_REF__INIT;
  *value = (PgQuery__Node)PG_QUERY__NODE__INIT;
  value->node_case = PG_QUERY__NODE__NODE_COLUMN_REF;
  value->column_ref = reference;
  *target = (PgQuery__ResTarget)PG_QUERY__RES_TARGET__INIT;
  target->val = value;
  *node = (PgQuery__Node)PG_QUERY__NODE__INIT;
  node->node_case = PG_QUERY__NODE__NODE_RES_TARGET;
  node->res_target = target;
  if (table)
    insert_node(rewriting, &reference->fields, &reference->n_fields, 0, new_string(rewriting, table));
  insert_node(rewriting, &reference->fields, &reference->n_fields, reference->n_fields, new_string(rewriting, column));
  return node;
}

// --- A query written out ---------------------------------------------------------------------------

static bool is_star_target(const PgQuery__Node *target)
{
  const PgQuery__Node *value = target->node_case == PG_QUERY__NODE__NODE_RES_TARGET ? target->res_target->val : NULL;
  if (!value || value->node_case != PG_QUERY__NODE__NODE_COLUMN_REF || !value->column_ref->n_fields)
    return false;
  return value->column_ref->fields[value->column_ref->n_fields - 1]->node_case == PG_QUERY__NODE__NODE_A_STAR;
}

static void write_out_stars(struct rewriting *rewriting, PgQuery__SelectStmt *select)
{
  for (size_t i = 0; i < select->n_target_list && !rewriting->failed; i++) {
    PgQuery__Node *target = select->target_list[i];
    if (!is_star_target(target))
      continue;
    const struct view_names *names = rewriting->names;
    const void *tree = target->res_target->val->column_ref;
    int found = find_note(names, tree);
    if (found < 0)
      continue;
    size_t at = i + 1;
    for (int n = found + 1; n < names->count && !rewriting->failed; n++) {
      if (names->list[n].tree != tree || !names->list[n].column)
        break;
      insert_node(rewriting, &select->target_list, &select->n_target_list, at++,
                  new_target(rewriting, names->list[n].table, names->list[n].column));
    }
    if (rewriting->failed)
      return;
    memmove(select->target_list + i, select->target_list + i + 1, (select->n_target_list - i - 1) * sizeof target);
    select->n_target_list--;
    free_node(target);
    i = at - 2;
  }
}

static void qualify(ProtobufCMessage *message, void *context)
{
  struct rewriting *rewriting = context;
  const struct view_names *names = rewriting->names;
  if (message->descriptor == &pg_query__select_stmt__descriptor) {
    write_out_stars(rewriting, (PgQuery__SelectStmt *)(void *)message);
  } else if (message->descriptor == &pg_query__range_var__descriptor) {
    int found = find_note(names, message);
    if (found >= 0 && names->list[found].table)
      set_text(rewriting, &((PgQuery__RangeVar *)(void *)message)->schemaname, names->list[found].table);
  } else if (message->descriptor == &pg_query__column_ref__descriptor) {
    PgQuery__ColumnRef *reference = (PgQuery__ColumnRef *)(void *)message;
    int found = find_note(names, message);
    if (found >= 0 && names->list[found].table && reference->n_fields == 1)
      insert_node(rewriting, &reference->fields, &reference->n_fields, 0,
                  new_string(rewriting, names->list[found].table));
  }
}

int view_text(PgQuery__Node *query, const struct view_names *names, struct arena *arena, const char **text,
              struct error *error)
{
  struct rewriting rewriting = {.names = names, .failed = names->failed};
  parse_walk(&query->base, qualify, &rewriting);
  return rewriting.failed ? error_memory(error) : bind_deparse_query(query, arena, text, error);
}

// --- A change followed -----------------------------------------------------------------------------

static bool is_its_table(const struct view_change *change, const PgQuery__RangeVar *name)
{
  return strcmp(name->schemaname, change->schema) == 0 &&
         (!change->table || strcmp(name->relname, change->table) == 0);
}

// The alias that the table has in FROM, made of its name where there is none.
static PgQuery__Alias *its_alias(struct rewriting *rewriting, PgQuery__RangeVar *name)
{
  if (name->alias)
    return name->alias;
  PgQuery__Alias *alias = take_memory(rewriting, sizeof *alias);
  char *text = new_text(rewriting, name->relname);
  if (!alias || !text) {
    free(alias);
    free(text);
    return NULL;
  }
  *alias = (PgQuery__Alias)PG_QUERY__ALIAS__INIT;
  alias->aliasname = text;
  return name->alias = alias;
}

// Names in the alias all columns up to the one that is renamed, as the text knows them.
static void name_columns(struct rewriting *rewriting, PgQuery__RangeVar *name)
{
  const struct view_change *change = rewriting->change;
  PgQuery__Alias *alias = its_alias(rewriting, name);
  size_t place = 0;
  for (int i = 0; alias && i <= change->column && !rewriting->failed; i++) {
    if (change->columns->columns[i].is_dropped)
      continue;
    if (place++ >= alias->n_colnames)
      insert_node(rewriting, &alias->colnames, &alias->n_colnames, alias->n_colnames,
                  new_string(rewriting, change->columns->columns[i].name));
  }
}

static void drop_column_name(const struct view_change *change, PgQuery__Alias *alias)
{
  size_t place = 0;
  for (int i = 0; i < change->column; i++)
    place += !change->columns->columns[i].is_dropped;
  if (!alias || place >= alias->n_colnames)
    return;
  free_node(alias->colnames[place]);
  memmove(alias->colnames + place, alias->colnames + place + 1, (--alias->n_colnames - place) * sizeof *alias->colnames);
}

static void follow(ProtobufCMessage *message, void *context)
{
  struct rewriting *rewriting = context;
  const struct view_change *change = rewriting->change;
  if (message->descriptor != &pg_query__range_var__descriptor)
    return;
  PgQuery__RangeVar *name = (PgQuery__RangeVar *)(void *)message;
  if (!is_its_table(change, name))
    return;
  switch (change->kind) {
  case VIEW_SCHEMA_RENAMED: set_text(rewriting, &name->schemaname, change->to_schema); break;
  case VIEW_TABLE_MOVED:
    if (strcmp(name->relname, change->to) != 0 && !its_alias(rewriting, name))
      break;
    set_text(rewriting, &name->schemaname, change->to_schema);
    set_text(rewriting, &name->relname, change->to);
    break;
  case VIEW_COLUMN_RENAMED: name_columns(rewriting, name); break;
  case VIEW_COLUMN_DROPPED: drop_column_name(change, name->alias); break;
  }
}

int view_text_change(const char *text, const struct view_change *change, struct arena *arena, const char **changed,
                     struct error *error)
{
  struct parse *parse = parse_open(bytes_of_string(text), error);
  if (!parse)
    return error->status;
  struct rewriting rewriting = {.change = change};
  PgQuery__Node *query = parse->tree->stmts[0]->stmt;
  parse_walk(&query->base, follow, &rewriting);
  int status = rewriting.failed ? error_memory(error) : bind_deparse_query(query, arena, changed, error);
  parse_close(parse);
  return status;
}

// --- Types by number -------------------------------------------------------------------------------

struct numbering {
  struct rewriting rewriting;
  const struct bind_input *input;
  bool is_changed;
  int status;
  struct error *error;
};

static void number_type(ProtobufCMessage *message, void *context)
{
  struct numbering *numbering = context;
  const struct relation *type;
  if (numbering->status || message->descriptor != &pg_query__type_name__descriptor)
    return;
  PgQuery__TypeName *name = (PgQuery__TypeName *)(void *)message;
  numbering->status = bind_user_type(numbering->input, name, &type, numbering->error);
  if (numbering->status || !type)
    return;
  char number[20];
  snprintf(number, sizeof number, "type_%u", type->oid);
  if (name->n_names == 1)
    insert_node(&numbering->rewriting, &name->names, &name->n_names, 0, new_string(&numbering->rewriting, "pg_catalog"));
  else
    set_text(&numbering->rewriting, &name->names[0]->string->sval, "pg_catalog");
  set_text(&numbering->rewriting, &name->names[name->n_names - 1]->string->sval, number);
  numbering->is_changed = true;
}

int view_number_types(const struct bind_input *input, bool is_query, const char **text, struct error *error)
{
  const char *query = is_query ? *text : arena_format(input->arena, "SELECT (%s\n)", *text);
  struct parse *parse = query ? parse_open(bytes_of_string(query), error) : NULL;
  if (!parse)
    return query ? (int)error->status : error_memory(error);
  struct numbering numbering = {.input = input, .error = error};
  PgQuery__Node *tree = parse->tree->stmts[0]->stmt;
  if (!is_query)
    tree = tree->select_stmt->target_list[0]->res_target->val;
  parse_walk(&tree->base, number_type, &numbering);
  int status = numbering.status;
  if (!status && numbering.rewriting.failed)
    status = error_memory(error);
  if (!status && numbering.is_changed)
    status = is_query ? bind_deparse_query(tree, input->arena, text, error) : bind_deparse(tree, input->arena, text, error);
  parse_close(parse);
  return status;
}
