// Changing definitions: create, replace, drop. They are changes of the catalog's trees like any others.
//
// 1. A definition's row, its names and its dependencies are written and deleted together; a call that fails leaves none
//    of them.
// 2. Every call that changes a definition gives the version a fresh definitions number.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/sqlstate.h"
#include "data/keyword.h"
#include "table/comment.h"
#include "table/definition.h"
#include "table/right.h"
#include "table/internal.h"

struct oid_key {
  uint8_t bytes[4];
};

static struct oid_key oid_key(uint32_t oid)
{
  struct oid_key key;
  put_be32(key.bytes, oid);
  return key;
}

// --- Names and dependencies -----------------------------------------------------------------------

struct name_key {
  uint8_t bytes[4 + LIMIT_IDENTIFIER];
  size_t size;
};

static struct name_key name_key(uint32_t schema_oid, const char *name)
{
  struct name_key key = {.size = 4 + strnlen(name, LIMIT_IDENTIFIER)};
  put_be32(key.bytes, schema_oid);
  memcpy(key.bytes + 4, name, key.size - 4);
  return key;
}

int catalog_name_taken(struct writer *writer, const struct relation *relation, const char *name)
{
  struct name_key key = name_key(relation->schema_oid, name);
  struct bytes row;
  const struct relation *other = NULL;
  if (tree_get(writer->version, TREE_NAMES, bytes_of(key.bytes, key.size), &row, writer->mark) && row.size == 8)
    (void)catalog_load(writer->catalog, writer->version, get_be32(row.data + 4), writer->mark, &other, NULL);
  bool is_relation = !other || other->kind != RELATION_TYPE || other->type_kind == TYPE_IS_COMPOSITE;
  if (relation->kind != RELATION_TYPE && is_relation)
    return error_set(writer->error, SQLSTATE_DUPLICATE_TABLE, "relation \"%s\" already exists", name);
  int status = error_set(writer->error, SQLSTATE_DUPLICATE_OBJECT, "type \"%s\" already exists", name);
  if (relation->kind != RELATION_TYPE)
    error_hint(writer->error, "A relation has an associated type of the same name, so you must use a name that doesn't "
                              "conflict with any existing type.");
  return status;
}

static int add_name(struct writer *writer, const struct relation *relation, const char *name, uint32_t oid)
{
  struct name_key key = name_key(relation->schema_oid, name);
  uint8_t row[8];
  put_be32(row, oid);
  put_be32(row + 4, relation->oid);
  int status = write_put(writer, TREE_NAMES, 0, PUT_INSERT, bytes_of(key.bytes, key.size), bytes_of(row, 8), NULL);
  return status == WRITE_REFUSED ? catalog_name_taken(writer, relation, name) : status;
}

// Writes or deletes that the definition depends on an object.
static int put_dependency(struct writer *writer, const struct relation *relation, uint32_t referenced, bool is_there)
{
  uint8_t key[8];
  put_be32(key, referenced);
  put_be32(key + 4, relation->oid);
  if (is_there)
    return write_put(writer, TREE_DEPENDENCIES, 0, PUT_ANY, bytes_of(key, 8), (struct bytes){0}, NULL);
  int status = write_delete(writer, TREE_DEPENDENCIES, 0, bytes_of(key, 8));
  return status < 0 ? status : STATUS_OK; // one that was named twice is gone at the second
}

// The types that a text of the definition names: pg_catalog.type_16384.
static int put_types_of_text(struct writer *writer, const struct relation *relation, const char *text, bool is_there)
{
  static const char before[] = "pg_catalog.type_";
  int status = STATUS_OK;
  for (const char *at = text; !status && at && (at = strstr(at, before));) {
    at += strlen(before);
    unsigned long number = strtoul(at, NULL, 10);
    if (number >= TYPE_USER_FIRST && number < TYPE_USER_ARRAY)
      status = put_dependency(writer, relation, (uint32_t)number, is_there);
  }
  return status;
}

// What it names, and the types of its columns.
static int put_dependencies(struct writer *writer, const struct relation *relation, bool is_there)
{
  int status = put_types_of_text(writer, relation, relation->text, is_there);
  for (int i = 0; i < relation->check_count && !status; i++)
    status = put_types_of_text(writer, relation, relation->checks[i].check.text, is_there);
  for (int i = 0; relation->defaults && i < relation->schema.column_count && !status; i++)
    status = put_types_of_text(writer, relation, relation->defaults[i].text, is_there);
  for (int i = 0; i < relation->expression_count && !status; i++)
    status = put_types_of_text(writer, relation, relation->expressions[i].text, is_there);
  for (int i = 0; i < relation->dependency_count && !status; i++)
    status = put_dependency(writer, relation, relation->dependencies[i], is_there);
  for (int i = 0; i < relation->schema.column_count && !status; i++) {
    const struct column *column = &relation->schema.columns[i];
    uint32_t type = column_user_type(column);
    if (type && !column->is_dropped)
      status = put_dependency(writer, relation, type, is_there);
  }
  return status;
}

static int add_names(struct writer *writer, const struct relation *relation)
{
  int status = add_name(writer, relation, relation->name, relation->oid);
  for (int i = 0; i < relation->index_count && !status; i++)
    status = add_name(writer, relation, relation->indexes[i].name, relation->indexes[i].oid);
  return status ? status : put_dependencies(writer, relation, true);
}

static int remove_names(struct writer *writer, const struct relation *relation)
{
  struct name_key key = name_key(relation->schema_oid, relation->name);
  int status = write_delete(writer, TREE_NAMES, 0, bytes_of(key.bytes, key.size));
  for (int i = 0; i < relation->index_count && status >= 0; i++) {
    key = name_key(relation->schema_oid, relation->indexes[i].name);
    status = write_delete(writer, TREE_NAMES, 0, bytes_of(key.bytes, key.size));
  }
  return status < 0 ? status : put_dependencies(writer, relation, false);
}

// --- Create and replace ---------------------------------------------------------------------------

static void sort_checks(struct relation *definition)
{
  for (int i = 1; i < definition->check_count; i++) {
    struct constraint check = definition->checks[i];
    int place = i;
    for (; place > 0 && strcmp(definition->checks[place - 1].name, check.name) > 0; place--)
      definition->checks[place] = definition->checks[place - 1];
    definition->checks[place] = check;
  }
}

// Expressions that no index has any more go, and the others get their numbers.
static void trim_expressions(struct relation *definition)
{
  int columns = definition->schema.column_count, kept = 0;
  for (int e = 0; e < definition->expression_count; e++) {
    bool is_used = false;
    for (int i = 0; i < definition->index_count; i++) {
      struct index *index = &definition->indexes[i];
      for (int p = 0; p < index->part_count; p++)
        if (index->parts[p].column == columns + e) {
          index->parts[p].column = (uint16_t)(columns + kept);
          is_used = true;
        }
      if (index->is_partial && index->predicate == columns + e) {
        index->predicate = (uint16_t)(columns + kept);
        is_used = true;
      }
    }
    if (!is_used)
      continue;
    definition->schema.columns[columns + kept] = definition->schema.columns[columns + e];
    definition->expressions[kept++] = definition->expressions[e];
  }
  definition->expression_count = kept;
}

static bool has_rows(const struct relation *definition)
{
  return definition->kind == RELATION_TABLE || definition->kind == RELATION_SEQUENCE ||
         definition->kind == RELATION_SINK ||
         (definition->kind == RELATION_SOURCE && definition->key_count > 0);
}

// Draws an object id or a tree number: those of the first run, where this is another one.
static int draw(struct writer *writer, uint32_t counter, uint32_t *number)
{
  const struct numbers *numbers = writer->numbers;
  int64_t kept;
  if (numbers && numbers->again(numbers->context, counter, &kept)) {
    *number = (uint32_t)kept;
    return STATUS_OK;
  }
  struct catalog *catalog = writer->catalog;
  *number = counter == NUMBER_OBJECT ? catalog->next_oid++ : catalog->next_tree++;
  return numbers ? numbers->keep(numbers->context, counter, *number, writer->error) : STATUS_OK;
}

int catalog_draw_oid(struct writer *writer, uint32_t *oid)
{
  return draw(writer, NUMBER_OBJECT, oid);
}

static int assign_numbers(struct writer *writer, struct relation *definition)
{
  bool is_fresh = definition->tree == 0;
  int status = definition->oid ? STATUS_OK : draw(writer, NUMBER_OBJECT, &definition->oid);
  if (!status && is_fresh && has_rows(definition))
    status = draw(writer, NUMBER_TREE, &definition->tree);
  for (int i = 0; i < definition->index_count && !status; i++) {
    struct index *index = &definition->indexes[i];
    if (index->oid == 0)
      status = draw(writer, NUMBER_OBJECT, &index->oid);
    if (index->is_primary)
      index->tree = definition->tree;
    else if (!status && (is_fresh || index->tree == 0))
      status = draw(writer, NUMBER_TREE, &index->tree);
  }
  for (int i = 0; i < definition->labels.count && !status; i++)
    if (definition->labels.labels[i].oid == 0)
      status = draw(writer, NUMBER_OBJECT, &definition->labels.labels[i].oid);
  for (int i = 0; i < definition->foreign_key_count && !status; i++)
    if (definition->foreign_keys[i].oid == 0)
      status = draw(writer, NUMBER_OBJECT, &definition->foreign_keys[i].oid);
  return status;
}

static int assign(struct catalog *catalog, struct writer *writer, struct relation *definition, struct error *error)
{
  int status = assign_numbers(writer, definition);
  if (status)
    return status;
  definition->stamp = catalog->next_stamp++;
  for (int i = 0; i < definition->key_count; i++)
    definition->schema.columns[definition->key[i].column].not_null = true;
  for (int i = 0; i < definition->index_count; i++)
    for (int p = 0; definition->indexes[i].is_primary_apart && p < definition->indexes[i].part_count; p++)
      definition->schema.columns[definition->indexes[i].parts[p].column].not_null = true;
  sort_checks(definition);
  trim_expressions(definition);
  if (catalog->next_tree >= TREE_NUMBER_LIMIT)
    return error_set(error, SQLSTATE_PROGRAM_LIMIT_EXCEEDED, "too many tables and indexes were ever created");
  return STATUS_OK;
}

static int put_definition(struct writer *writer, const struct relation *definition)
{
  struct buffer *row = &writer->catalog->scratch.row;
  buffer_clear(row);
  int status = definition_encode(definition, row, writer->error);
  if (status)
    return status;
  struct oid_key key = oid_key(definition->oid);
  return write_put(writer, TREE_RELATIONS, 0, PUT_ANY, bytes_of(key.bytes, 4), buffer_bytes(row), NULL);
}

static bool tree_is_of(const struct relation *relation, tree_number tree)
{
  if (relation->tree == tree)
    return true;
  for (int i = 0; i < relation->index_count; i++)
    if (relation->indexes[i].tree == tree)
      return true;
  return false;
}

// The trees of `from` that `to` does not have; to NULL: all.
static int drop_trees(struct writer *writer, const struct relation *from, const struct relation *to)
{
  int status = STATUS_OK;
  if (from->tree && !(to && tree_is_of(to, from->tree)))
    status = write_whole(writer, from->tree, CHANGE_DROPPED);
  for (int i = 0; i < from->index_count && !status; i++) {
    const struct index *index = &from->indexes[i];
    if (!index->is_primary && !(to && tree_is_of(to, index->tree)))
      status = write_whole(writer, index->tree, CHANGE_DROPPED | CHANGE_DERIVED);
  }
  return status;
}

// What was said of indexes and keys of `from` that `to` does not have; to NULL: of all.
static int forget_comments(struct writer *writer, const struct relation *from, const struct relation *to)
{
  int status = STATUS_OK;
  for (int i = 0; i < from->index_count && !status; i++) {
    bool stays = false;
    for (int k = 0; to && k < to->index_count; k++)
      stays |= to->indexes[k].oid == from->indexes[i].oid;
    if (!stays)
      status = comments_forget(writer, COMMENT_RELATION, from->indexes[i].oid);
    if (!stays && !status)
      status = comments_forget(writer, COMMENT_CONSTRAINT, from->indexes[i].oid);
  }
  for (int i = 0; i < from->foreign_key_count && !status; i++) {
    bool stays = false;
    for (int k = 0; to && k < to->foreign_key_count; k++)
      stays |= to->foreign_keys[k].oid == from->foreign_keys[i].oid;
    if (!stays)
      status = comments_forget(writer, COMMENT_CONSTRAINT, from->foreign_keys[i].oid);
  }
  return status;
}

// --- Who refers to whom: each table has the list of those that have foreign keys to it ----------------

static bool refers_to(const struct relation *relation, uint32_t oid)
{
  for (int i = 0; relation && i < relation->foreign_key_count; i++)
    if (relation->foreign_keys[i].referenced_oid == oid)
      return true;
  return false;
}

// Puts the oid into the list, or takes it out of it.
static int list_referencing(struct relation *definition, struct arena *arena, uint32_t oid, bool is_in,
                            struct error *error)
{
  uint32_t *list = ARENA_ARRAY(arena, uint32_t, definition->referencing_count + 1);
  int count = 0, from = 0;
  if (!list)
    return error_memory(error);
  for (; from < definition->referencing_count && definition->referencing[from] < oid; from++)
    list[count++] = definition->referencing[from];
  if (is_in)
    list[count++] = oid;
  for (; from < definition->referencing_count; from++)
    if (definition->referencing[from] != oid)
      list[count++] = definition->referencing[from];
  definition->referencing = list;
  definition->referencing_count = count;
  return STATUS_OK;
}

static int tell_referenced(struct writer *writer, uint32_t referenced, uint32_t oid, bool is_in)
{
  const struct relation *parent;
  struct arena arena;
  arena_init(&arena, NULL);
  int status = catalog_load(writer->catalog, writer->version, referenced, writer->mark, &parent, writer->error);
  struct relation *copy = !status && parent ? catalog_copy(parent, &arena) : NULL;
  if (!status && parent && !copy)
    status = error_memory(writer->error);
  if (copy) {
    copy->stamp = writer->catalog->next_stamp++;
    status = list_referencing(copy, &arena, oid, is_in, writer->error);
    if (!status)
      status = put_definition(writer, copy);
  }
  arena_deinit(&arena);
  return status;
}

// The tables that the foreign keys of `old` and of `new` name; new NULL: they all lose them.
static int tell_all_referenced(struct writer *writer, const struct relation *old, const struct relation *new)
{
  int status = STATUS_OK;
  for (int i = 0; i < old->foreign_key_count && !status; i++) {
    uint32_t referenced = old->foreign_keys[i].referenced_oid;
    if (referenced != old->oid && !refers_to(new, referenced))
      status = tell_referenced(writer, referenced, old->oid, false);
  }
  for (int i = 0; new && i < new->foreign_key_count && !status; i++) {
    uint32_t referenced = new->foreign_keys[i].referenced_oid;
    if (referenced != new->oid && !refers_to(old, referenced))
      status = tell_referenced(writer, referenced, new->oid, true);
  }
  return status;
}

// The list of a new definition is that of the old one, whatever its maker had in hand, but for itself.
static int keep_referencing(struct relation *definition, const struct relation *old, struct arena *arena,
                            struct error *error)
{
  definition->referencing = old->referencing;
  definition->referencing_count = old->referencing_count;
  return list_referencing(definition, arena, definition->oid, refers_to(definition, definition->oid), error);
}

int catalog_create(struct catalog *catalog, struct writer *writer, struct relation *definition, struct error *error)
{
  size_t mark = change_mark(writer->changes);
  writer->error = error;
  definition->oid = 0;
  definition->tree = 0;
  for (int i = 0; i < definition->index_count; i++)
    definition->indexes[i].oid = 0;
  struct arena arena;
  arena_init(&arena, NULL);
  int status = assign(catalog, writer, definition, error);
  struct right_object object = right_object_of(definition);
  bool has_rights = definition->kind != RELATION_TYPE && object.class != CLASS_WORKFLOW;
  if (!status && has_rights && !definition->acl)
    status = rights_of_new(writer->version, object.class, definition->owner, definition->schema_oid, &arena,
                           &definition->acl);
  if (status == STATUS_LIMIT && !error->status)
    status = error_memory(error);
  if (!status)
    status = add_names(writer, definition);
  if (!status)
    status = put_definition(writer, definition);
  definition->acl = object.acl;
  arena_deinit(&arena);
  if (status)
    return write_undo(writer, mark, status);
  version_touch_definitions(writer->version);
  return STATUS_OK;
}

int catalog_replace(struct catalog *catalog, struct writer *writer, struct relation *definition, struct error *error)
{
  size_t mark = change_mark(writer->changes);
  writer->error = error;
  const struct relation *old;
  int status = catalog_load(catalog, writer->version, definition->oid, writer->mark, &old, error);
  if (status)
    return status;
  if (!old)
    return error_set(error, SQLSTATE_UNDEFINED_TABLE, "relation \"%s\" does not exist", definition->name);
  struct arena arena;
  arena_init(&arena, NULL);
  status = assign(catalog, writer, definition, error);
  if (!status)
    status = keep_referencing(definition, old, &arena, error);
  if (!status)
    status = remove_names(writer, old);
  if (!status)
    status = add_names(writer, definition);
  if (!status)
    status = drop_trees(writer, old, definition);
  if (!status)
    status = forget_comments(writer, old, definition);
  if (!status)
    status = tell_all_referenced(writer, old, definition);
  if (!status)
    status = put_definition(writer, definition);
  arena_deinit(&arena);
  if (status)
    return write_undo(writer, mark, status);
  version_touch_definitions(writer->version);
  return STATUS_OK;
}

// --- Names in messages -----------------------------------------------------------------------------

// The name, quoted where it must be; gives the end.
static char *put_name(char *at, const char *name)
{
  bool is_plain = name_is_plain(bytes_of_string(name));
  if (!is_plain)
    *at++ = '"';
  for (; *name; name++) {
    if (*name == '"')
      *at++ = '"';
    *at++ = *name;
  }
  if (!is_plain)
    *at++ = '"';
  *at = 0;
  return at;
}

struct shown catalog_shown(const struct writer *writer, const struct relation *relation)
{
  struct shown shown;
  const char *schema = writer->scope ? catalog_schema_name(writer->catalog, writer->version, relation->schema_oid) : NULL;
  for (int i = 0; schema && i < writer->scope->search_path_count; i++)
    if (writer->scope->search_path[i] == relation->schema_oid)
      schema = NULL;
  char *at = shown.text; // two names of 63 bytes, each doubled at worst
  if (schema) {
    at = put_name(at, schema);
    *at++ = '.';
  }
  put_name(at, relation->name);
  return shown;
}

// --- Foreign keys that need a table or an index ------------------------------------------------------------

static bool is_among(const struct relation *relation, const struct relation *const *relations, int count)
{
  for (int i = 0; i < count; i++)
    if (relations[i]->oid == relation->oid)
      return true;
  return false;
}

static bool needs(const struct foreign_key *key, const struct relation *relation, uint32_t index_oid)
{
  return key->referenced_oid == relation->oid && (!index_oid || key->index_oid == index_oid);
}

// Takes the keys off the child.
static int drop_foreign_keys(struct writer *writer, const struct relation *child, const struct relation *relation,
                             uint32_t index_oid)
{
  struct arena arena;
  arena_init(&arena, NULL);
  struct relation *copy = catalog_copy(child, &arena);
  int kept = 0;
  for (int i = 0; copy && i < copy->foreign_key_count; i++)
    if (!needs(&copy->foreign_keys[i], relation, index_oid))
      copy->foreign_keys[kept++] = copy->foreign_keys[i];
  if (copy)
    copy->foreign_key_count = kept;
  int status = copy ? catalog_replace(writer->catalog, writer, copy, writer->error) : error_memory(writer->error);
  arena_deinit(&arena);
  return status;
}

// Appends a line for each foreign key, of tables that are not among `except`, that needs the relation, or this index of
// it (0: any). with_drop: and drops it.
static int needing_lines(struct writer *writer, const struct relation *relation, uint32_t index_oid,
                         const struct relation *const *except, int except_count, bool with_drop, struct buffer *lines)
{
  const char *index = "";
  for (int i = 0; i < relation->index_count; i++)
    if (relation->indexes[i].oid == index_oid)
      index = relation->indexes[i].name;
  int status = STATUS_OK;
  for (int i = 0; i < relation->referencing_count && !status; i++) {
    const struct relation *child;
    size_t size = lines ? lines->size : 0;
    bool found = false;
    status = catalog_load(writer->catalog, writer->version, relation->referencing[i], writer->mark, &child,
                          writer->error);
    if (status || !child || is_among(child, except, except_count))
      continue;
    for (int k = 0; k < child->foreign_key_count; k++) {
      if (!needs(&child->foreign_keys[k], relation, index_oid))
        continue;
      found = true;
      if (lines && with_drop)
        buffer_format(lines, "constraint %s on table %s\n", child->foreign_keys[k].name,
                      catalog_shown(writer, child).text);
      else if (lines && size < 256)
        buffer_format(lines, "%sconstraint %s on table %s depends on %s %s", lines->size ? "\n" : "",
                      child->foreign_keys[k].name, catalog_shown(writer, child).text,
                      index_oid ? "index" : relation_kind_name(relation->kind),
                      index_oid ? index : catalog_shown(writer, relation).text);
    }
    if (found && with_drop)
      status = drop_foreign_keys(writer, child, relation, index_oid);
  }
  return status;
}

int catalog_drop_needing(struct writer *writer, const struct relation *relation, const struct index *index,
                         const char *what, bool cascade, struct buffer *dropped)
{
  if (cascade)
    return needing_lines(writer, relation, index->oid, NULL, 0, true, dropped);
  struct buffer *text = &writer->catalog->scratch.text;
  buffer_clear(text);
  int status = needing_lines(writer, relation, index->oid, NULL, 0, false, text);
  if (status || !text->size)
    return status;
  status = error_set(writer->error, SQLSTATE_DEPENDENT_OBJECTS_STILL_EXIST,
                     "cannot drop %s because other objects depend on it", what);
  error_detail(writer->error, "%.*s", (int)text->size, (const char *)text->data);
  error_hint(writer->error, "Use DROP ... CASCADE to drop the dependent objects too.");
  return status;
}

// --- Drop -----------------------------------------------------------------------------------------

// The definitions that go, each before those that depend on it; the first `named` are those that were asked for.
struct drop_set {
  const struct relation **relations;
  const struct relation **because; // on which each depends
  int count, capacity, named;
};

static bool drop_add(struct drop_set *set, struct arena *arena, const struct relation *relation,
                     const struct relation *because)
{
  for (int i = 0; i < set->count; i++)
    if (set->relations[i] == relation)
      return true;
  if (set->count == set->capacity) {
    int capacity = set->capacity ? set->capacity * 2 : 8;
    const struct relation **relations = ARENA_ARRAY(arena, const struct relation *, capacity);
    const struct relation **reasons = ARENA_ARRAY(arena, const struct relation *, capacity);
    if (!relations || !reasons)
      return false;
    if (set->count) {
      memcpy(relations, set->relations, (size_t)set->count * sizeof *relations);
      memcpy(reasons, set->because, (size_t)set->count * sizeof *reasons);
    }
    set->relations = relations;
    set->because = reasons;
    set->capacity = capacity;
  }
  set->relations[set->count] = relation;
  set->because[set->count++] = because;
  return true;
}

int catalog_dependent(struct writer *writer, uint32_t referenced, uint32_t *after, const struct relation **dependent)
{
  *dependent = NULL;
  uint8_t key[8];
  put_be32(key, referenced);
  put_be32(key + 4, *after + 1);
  struct cursor cursor;
  cursor_init(&cursor, writer->version, TREE_DEPENDENCIES, writer->mark);
  bool found = *after < UINT32_MAX && cursor_seek(&cursor, bytes_of(key, 8)) && cursor.key.size == 8 &&
               memcmp(cursor.key.data, key, 4) == 0;
  if (found)
    *after = get_be32(cursor.key.data + 4);
  cursor_deinit(&cursor);
  return found ? catalog_load(writer->catalog, writer->version, *after, writer->mark, dependent, writer->error) : STATUS_OK;
}

int catalog_touch_dependents(struct writer *writer, uint32_t type)
{
  const struct relation *dependent;
  uint32_t oid = 0;
  int status = catalog_dependent(writer, type, &oid, &dependent);
  while (!status && dependent) {
    struct arena arena;
    arena_init(&arena, NULL);
    struct relation *copy = catalog_copy(dependent, &arena);
    bool is_type = dependent->kind == RELATION_TYPE;
    status = copy ? catalog_replace(writer->catalog, writer, copy, writer->error) : error_memory(writer->error);
    arena_deinit(&arena);
    if (!status && is_type)
      status = catalog_touch_dependents(writer, oid);
    if (!status)
      status = catalog_dependent(writer, type, &oid, &dependent);
  }
  return status;
}

// What depends on the definition, and behind each of them what depends on that.
static int drop_gather(struct writer *writer, struct drop_set *set, struct arena *arena, const struct relation *referenced,
                       int depth)
{
  const struct relation *dependent;
  uint32_t oid = 0;
  int status = catalog_dependent(writer, referenced->oid, &oid, &dependent);
  if (depth > LIMIT_CHAIN)
    return error_set(writer->error, SQLSTATE_STATEMENT_TOO_COMPLEX, "too many definitions depend on each other");
  while (!status && dependent) {
    int count = set->count;
    if (!drop_add(set, arena, dependent, referenced))
      status = error_memory(writer->error);
    else if (set->count > count)
      status = drop_gather(writer, set, arena, dependent, depth + 1);
    if (!status)
      status = catalog_dependent(writer, referenced->oid, &oid, &dependent);
  }
  return status;
}

// --- Defaults that draw from a sequence (nextval(16400::oid)) -----------------------------------------------

static bool drop_has(const struct drop_set *set, const struct relation *relation)
{
  return is_among(relation, set->relations, set->count);
}

// A sequence goes with the table that owns it, and nobody is told.
static bool goes_along(const struct relation *relation, const struct relation *because)
{
  return relation->kind == RELATION_SEQUENCE && because && relation->sequence.owner == because->oid;
}

static int drop_default(struct writer *writer, const struct relation *table, int column)
{
  struct arena arena;
  arena_init(&arena, NULL);
  struct relation *copy = catalog_copy(table, &arena);
  if (copy)
    copy->defaults[column] = (struct expression_text){0};
  int status = copy ? catalog_replace(writer->catalog, writer, copy, writer->error) : error_memory(writer->error);
  arena_deinit(&arena);
  return status;
}

// 2BP01 of an identity's sequence, which cannot go without its column.
static int refuse_identity(struct writer *writer, const struct relation *sequence, const struct relation *table,
                           const char *column)
{
  int status = error_set(writer->error, SQLSTATE_DEPENDENT_OBJECTS_STILL_EXIST,
                         "cannot drop sequence %s because column %s of table %s requires it", catalog_shown(writer, sequence).text,
                         column, catalog_shown(writer, table).text);
  error_hint(writer->error, "You can drop column %s of table %s instead.", column,
             catalog_shown(writer, table).text);
  return status;
}

// Appends a line for each default, of tables that stay, that draws from the sequence. with_drop: and drops it.
static int default_lines(struct writer *writer, const struct drop_set *set, const struct relation *sequence,
                         bool with_drop, struct buffer *lines)
{
  char call[32];
  uint32_t oid = 0;
  const struct relation *table;
  int status = STATUS_OK;
  snprintf(call, sizeof call, "nextval(%u::oid)", sequence->oid);
  while (!status && (table = catalog_next(writer->catalog, writer->version, &oid)))
    for (int i = 0; table && table->defaults && i < table->schema.column_count && !status; i++) {
      const char *text = table->defaults[i].text, *column = table->schema.columns[i].name;
      if (!text || !strstr(text, call) || drop_has(set, table))
        continue;
      if (table->schema.columns[i].identity)
        return refuse_identity(writer, sequence, table, column);
      if (lines && with_drop)
        buffer_format(lines, "default value for column %s of table %s\n", column, catalog_shown(writer, table).text);
      else if (lines && lines->size < 256)
        buffer_format(lines, "%sdefault value for column %s of table %s depends on sequence %s", lines->size ? "\n" : "",
                      column, catalog_shown(writer, table).text, catalog_shown(writer, sequence).text);
      if (with_drop)
        status = drop_default(writer, table, i);
      table = catalog_find_oid(writer->catalog, writer->version, oid);
    }
  return status;
}

// 2BP01 if there is anything beside the named ones.
static int refuse_dependents(struct writer *writer, const struct drop_set *set)
{
  const struct relation *relation = set->relations[0];
  struct error *error = writer->error;
  struct buffer *text = &writer->catalog->scratch.text;
  buffer_clear(text);
  int status = STATUS_OK;
  for (int i = set->named; i < set->count && text->size < 256; i++)
    if (!goes_along(set->relations[i], set->because[i]))
      buffer_format(text, "%s%s %s depends on %s %s", text->size ? "\n" : "", relation_kind_name(set->relations[i]->kind),
                    catalog_shown(writer, set->relations[i]).text, relation_kind_name(set->because[i]->kind),
                    catalog_shown(writer, set->because[i]).text);
  for (int i = 0; i < set->count && !status; i++)
    status = needing_lines(writer, set->relations[i], 0, set->relations, set->count, false, text);
  for (int i = 0; i < set->count && !status; i++)
    if (set->relations[i]->kind == RELATION_SEQUENCE)
      status = default_lines(writer, set, set->relations[i], false, text);
  if (status || !text->size)
    return status;
  if (set->named > 1)
    status = error_set(error, SQLSTATE_DEPENDENT_OBJECTS_STILL_EXIST,
                       "cannot drop desired object(s) because other objects depend on them");
  else
    status = error_set(error, SQLSTATE_DEPENDENT_OBJECTS_STILL_EXIST,
                       "cannot drop %s %s because other objects depend on it", relation_kind_name(relation->kind),
                       catalog_shown(writer, relation).text);
  error_detail(error, "%.*s", (int)text->size, (const char *)text->data);
  error_hint(error, "Use DROP ... CASCADE to drop the dependent objects too.");
  return status;
}

static int drop_one(struct writer *writer, const struct relation *relation)
{
  struct oid_key key = oid_key(relation->oid);
  int status = remove_names(writer, relation);
  if (!status)
    status = drop_trees(writer, relation, NULL);
  if (!status)
    status = tell_all_referenced(writer, relation, NULL);
  if (!status)
    status = comments_forget(writer, relation->kind == RELATION_TYPE ? COMMENT_TYPE : COMMENT_RELATION, relation->oid);
  if (!status)
    status = forget_comments(writer, relation, NULL);
  if (!status)
    status = write_delete(writer, TREE_POSITIONS, 0, bytes_of(key.bytes, 4));
  if (status >= 0)
    status = write_delete(writer, TREE_RELATIONS, 0, bytes_of(key.bytes, 4));
  return status < 0 ? status : STATUS_OK;
}

int catalog_drop(struct catalog *catalog, struct writer *writer, const struct relation *relation, bool cascade,
                 struct buffer *dropped, struct error *error)
{
  writer->error = error;
  (void)catalog;
  return catalog_drop_all(writer, &relation, 1, cascade, dropped);
}

int catalog_drop_all(struct writer *writer, const struct relation *const *relations, int count, bool cascade,
                     struct buffer *dropped)
{
  size_t mark = change_mark(writer->changes);
  struct arena arena;
  arena_init(&arena, NULL);
  struct drop_set set = {0};
  int status = STATUS_OK;
  for (int i = 0; i < count && !status; i++)
    status = drop_add(&set, &arena, relations[i], NULL) ? STATUS_OK : error_memory(writer->error);
  set.named = set.count;
  for (int i = 0; i < set.named && !status; i++)
    status = drop_gather(writer, &set, &arena, set.relations[i], 0);
  if (!status && !cascade)
    status = refuse_dependents(writer, &set);
  for (int i = 0; i < set.count && !status; i++)
    status = needing_lines(writer, set.relations[i], 0, set.relations, set.count, true, dropped);
  for (int i = 0; i < set.count && !status; i++)
    if (set.relations[i]->kind == RELATION_SEQUENCE)
      status = default_lines(writer, &set, set.relations[i], true, dropped);
  for (int i = set.named; i < set.count && dropped && !status; i++)
    if (!goes_along(set.relations[i], set.because[i]))
      buffer_format(dropped, "%s %s\n", relation_kind_name(set.relations[i]->kind),
                    catalog_shown(writer, set.relations[i]).text);
  for (int i = set.count - 1; i >= 0 && !status; i--)
    status = drop_one(writer, set.relations[i]);
  arena_deinit(&arena);
  if (status)
    return write_undo(writer, mark, status);
  version_touch_definitions(writer->version);
  return STATUS_OK;
}
