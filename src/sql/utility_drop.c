// DROP and TRUNCATE.
#include <stdio.h>

#include "sql/utility_internal.h"

struct drop_name {
  const char *schema; // NULL: the search path
  const char *name;
};

static bool read_name(const PgQuery__Node *object, struct drop_name *name)
{
  *name = (struct drop_name){0};
  if (object->node_case == PG_QUERY__NODE__NODE_STRING) {
    name->name = object->string->sval;
    return true;
  }
  if (object->node_case != PG_QUERY__NODE__NODE_LIST || object->list->n_items == 0)
    return false;
  const PgQuery__List *list = object->list;
  name->name = utility_string(list->items[list->n_items - 1]);
  name->schema = list->n_items > 1 ? utility_string(list->items[list->n_items - 2]) : NULL;
  return true;
}

static int missing(const struct utility_input *input, const struct drop_name *name, const char *kind, bool missing_ok,
                   struct error *error)
{
  bool no_schema = name->schema && !catalog_schema(input->catalog, input->writer->version, name->schema);
  if (missing_ok) {
    utility_notice(input, SQLSTATE_SUCCESSFUL_COMPLETION, "%s \"%s\" does not exist, skipping",
                   no_schema ? "schema" : kind, no_schema ? name->schema : name->name);
    return 0;
  }
  if (no_schema)
    return error_set(error, SQLSTATE_INVALID_SCHEMA_NAME, "schema \"%s\" does not exist", name->schema);
  bool is_table = strcmp(kind, "table") == 0 || strcmp(kind, "source") == 0 || strcmp(kind, "sequence") == 0 ||
                  strcmp(kind, "sink") == 0 || strcmp(kind, "view") == 0;
  return error_set(error, is_table ? SQLSTATE_UNDEFINED_TABLE : SQLSTATE_UNDEFINED_OBJECT, "%s \"%s\" does not exist",
                   kind, name->name);
}

// "workflow a\nworkflow b\n" as PostgreSQL tells of it.
void drop_notice(const struct utility_input *input, struct buffer *dropped)
{
  int count = 0;
  for (size_t i = 0; i < dropped->size; i++)
    count += dropped->data[i] == '\n';
  if (count == 0 || dropped->failed || !input->notice)
    return;
  struct error notice;
  if (count == 1)
    (void)!error_set(&notice, SQLSTATE_SUCCESSFUL_COMPLETION, "drop cascades to %.*s", (int)dropped->size - 1,
                     (const char *)dropped->data);
  else {
    (void)!error_set(&notice, SQLSTATE_SUCCESSFUL_COMPLETION, "drop cascades to %d other objects", count);
    struct buffer detail = {0};
    for (size_t at = 0; at < dropped->size && detail.size < 400;) {
      const uint8_t *end = memchr(dropped->data + at, '\n', dropped->size - at);
      size_t size = (size_t)(end - (dropped->data + at));
      buffer_format(&detail, "%sdrop cascades to %.*s", detail.size ? "\n" : "", (int)size,
                    (const char *)dropped->data + at);
      at += size + 1;
    }
    error_detail(&notice, "%.*s", (int)detail.size, (const char *)detail.data);
    buffer_deinit(&detail);
  }
  notice.severity = SEVERITY_NOTICE;
  input->notice(input->notice_context, &notice);
}

int drop_with_notice(const struct utility_input *input, const struct relation *relation, struct error *error)
{
  struct buffer dropped = {0};
  buffer_format(&dropped, "%s %s\n", relation_kind_name(relation->kind), catalog_shown(input->writer, relation).text);
  int status = catalog_drop_all(input->writer, &relation, 1, true, &dropped);
  if (!status)
    drop_notice(input, &dropped);
  buffer_deinit(&dropped);
  return status ? status : dropped.failed ? error_memory(error) : 0;
}

int drop_needing(const struct utility_input *input, const struct relation **relation, const struct index *index,
                 const char *what, bool cascade, struct error *error)
{
  if (!(*relation)->referencing_count)
    return 0;
  struct buffer dropped = {0};
  int status = catalog_drop_needing(input->writer, *relation, index, what, cascade, &dropped);
  if (!status)
    drop_notice(input, &dropped);
  buffer_deinit(&dropped);
  if (!status) // it may have had one of them itself
    *relation = catalog_find_oid(input->catalog, input->writer->version, (*relation)->oid);
  return status || *relation ? status : error_memory(error);
}

static int drop_index(const struct utility_input *input, const struct relation *relation, const char *name,
                      bool cascade, struct error *error)
{
  const struct index *index = relation_index(relation, name);
  if (index && index->is_constraint) {
    int status =
        error_set(error, SQLSTATE_DEPENDENT_OBJECTS_STILL_EXIST,
                  "cannot drop index %s because constraint %s on table %s requires it", name, name, relation->name);
    error_hint(error, "You can drop constraint %s on table %s instead.", name, relation->name);
    return status;
  }
  const char *what = arena_format(input->arena, "index %s", name);
  if (!what)
    return error_memory(error);
  int status = index ? drop_needing(input, &relation, index, what, cascade, error) : 0;
  if (status)
    return status;
  struct relation *definition = catalog_copy(relation, input->arena);
  if (!definition)
    return error_memory(error);
  int kept = 0;
  for (int i = 0; i < definition->index_count; i++)
    if (strcmp(definition->indexes[i].name, name) != 0)
      definition->indexes[kept++] = definition->indexes[i];
  definition->index_count = kept;
  return catalog_replace(input->catalog, input->writer, definition, error);
}

// What is dropped together may depend on each other.
static int drop_relations(const struct utility_input *input, const struct relation **relations, int count, bool cascade,
                          const char *command, struct error *error)
{
  struct buffer dropped = {0};
  int status = 0;
  for (int i = 0; i < count && !status; i++)
    status = table_refuse_pending(input->writer, relations[i], command);
  if (!status)
    status = catalog_drop_all(input->writer, relations, count, cascade, &dropped);
  if (!status)
    drop_notice(input, &dropped);
  buffer_deinit(&dropped);
  return status;
}

static const char *drop_kinds(const struct utility_input *input, const PgQuery__DropStmt *drop)
{
  switch (drop->remove_type) {
  case PG_QUERY__OBJECT_TYPE__OBJECT_INDEX: return "i";
  case PG_QUERY__OBJECT_TYPE__OBJECT_SEQUENCE: return "S";
  case PG_QUERY__OBJECT_TYPE__OBJECT_VIEW: return input->parsed->form == FORM_PLAIN ? "v" : "k";
  default: return utility_form_kinds(input->parsed->form);
  }
}

int relations_drop(const struct utility_input *input, const PgQuery__DropStmt *drop, struct error *error)
{
  const char *kinds = drop_kinds(input, drop), *kind = relation_kind_name((uint8_t)kinds[0]);
  bool cascade = drop->behavior == PG_QUERY__DROP_BEHAVIOR__DROP_CASCADE;
  const struct relation **relations = ARENA_ARRAY(input->arena, const struct relation *, drop->n_objects + 1);
  int count = 0, status = 0;
  if (!relations)
    return error_memory(error);
  for (size_t i = 0; i < drop->n_objects && !status; i++) {
    struct name_scope scope = utility_scope(input);
    struct drop_name name;
    const struct relation *relation;
    if (!read_name(drop->objects[i], &name))
      return utility_unsupported(input, error, -1, "this form of DROP is");
    status = catalog_find(input->catalog, input->writer->version, &scope, name.schema, name.name, kinds, RIGHT_OWN, true,
                          &relation, error);
    if (!status && !relation)
      status = missing(input, &name, kind, drop->missing_ok, error);
    else if (!status && kinds[0] == RELATION_INDEX)
      status = drop_index(input, relation, name.name, cascade, error);
    else if (!status)
      relations[count++] = relation;
  }
  return status || !count ? status : drop_relations(input, relations, count, cascade, utility_tag(input->parsed), error);
}

// --- TRUNCATE -----------------------------------------------------------------------------------------------------

struct truncation {
  const struct relation **relations;
  int count, capacity;
};

static bool truncation_has(const struct truncation *truncation, uint32_t oid)
{
  for (int i = 0; i < truncation->count; i++)
    if (truncation->relations[i]->oid == oid)
      return true;
  return false;
}

static int truncation_add(const struct utility_input *input, struct truncation *truncation,
                          const struct relation *relation, struct error *error)
{
  if (truncation_has(truncation, relation->oid))
    return 0;
  if (truncation->count == truncation->capacity) {
    int capacity = truncation->capacity ? 2 * truncation->capacity : 8;
    const struct relation **relations = ARENA_ARRAY(input->arena, const struct relation *, capacity);
    if (!relations)
      return error_memory(error);
    if (truncation->count)
      memcpy(relations, truncation->relations, sizeof *relations * (size_t)truncation->count);
    truncation->relations = relations;
    truncation->capacity = capacity;
  }
  truncation->relations[truncation->count++] = relation;
  return table_refuse_pending(input->writer, relation, "TRUNCATE");
}

// The tables that refer to those which are emptied: with CASCADE they are emptied too, else they are in the way.
static int truncation_gather(const struct utility_input *input, struct truncation *truncation, bool cascade,
                             struct error *error)
{
  int status = 0;
  for (int i = 0; i < truncation->count && !status; i++) {
    const struct relation *parent = truncation->relations[i];
    for (int r = 0; r < parent->referencing_count && !status; r++) {
      const struct relation *child = catalog_find_oid(input->catalog, input->writer->version, parent->referencing[r]);
      if (!child)
        return error_memory(error);
      if (truncation_has(truncation, child->oid))
        continue;
      if (!cascade) {
        status = error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED,
                           "cannot truncate a table referenced in a foreign key constraint");
        error_detail(error, "Table \"%s\" references \"%s\".", child->name, parent->name);
        error_hint(error, "Truncate table \"%s\" at the same time, or use TRUNCATE ... CASCADE.", child->name);
        return status;
      }
      utility_notice(input, SQLSTATE_SUCCESSFUL_COMPLETION, "truncate cascades to table \"%s\"", child->name);
      status = truncation_add(input, truncation, child, error);
    }
  }
  return status;
}

// The sequences that the table's columns own.
static int restart_owned(const struct utility_input *input, uint32_t table, struct error *error)
{
  uint32_t oid = 0;
  const struct relation *relation;
  int status = 0;
  while (!status && (relation = catalog_next(input->catalog, input->writer->version, &oid)))
    if (relation->kind == RELATION_SEQUENCE && relation->sequence.owner == table)
      status = sequence_restart(input, relation, error);
  return status;
}

int tables_truncate(const struct utility_input *input, const PgQuery__TruncateStmt *truncate, struct error *error)
{
  struct truncation truncation = {0};
  int status = 0;
  for (size_t i = 0; i < truncate->n_relations && !status; i++) {
    const PgQuery__RangeVar *name = truncate->relations[i]->range_var;
    const struct relation *relation;
    status = utility_find_for(input, name, NULL, RIGHT_TRUNCATE, false, &relation, error);
    if (status && error)
      error_position(error, 0);
    if (!status && (!relation->tree || relation->kind == RELATION_SEQUENCE || relation->kind == RELATION_SINK))
      status = error_set(error, SQLSTATE_WRONG_OBJECT_TYPE, "\"%s\" is not a table", name->relname);
    if (!status)
      status = truncation_add(input, &truncation, relation, error);
  }
  if (!status)
    status = truncation_gather(input, &truncation, truncate->behavior == PG_QUERY__DROP_BEHAVIOR__DROP_CASCADE, error);
  for (int i = 0; i < truncation.count && !status; i++)
    status = relation_require(input->writer->version, input->settings->role, truncation.relations[i], RIGHT_TRUNCATE,
                              input->writer->mark, error);
  for (int i = 0; i < truncation.count && !status; i++)
    status = table_truncate(input->writer, truncation.relations[i]);
  for (int i = 0; i < truncation.count && !status && truncate->restart_seqs; i++)
    status = restart_owned(input, truncation.relations[i]->oid, error);
  return status;
}
