// CREATE INDEX: over columns and expressions, in either direction, unique or not, of all rows or of those that a predicate
// names.
#include <stdio.h>

#include "sql/utility_internal.h"

static int refuse_forms(const struct utility_input *input, const PgQuery__IndexStmt *create, struct error *error)
{
  const char *method = create->access_method;
  if (!utility_text_given(method) || strcmp(method, "btree") == 0)
    return table_storage_options(input, create->options, create->n_options, error);
  static const char *const others[] = {"hash", "gist", "gin", "spgist", "brin", NULL};
  for (const char *const *other = others; *other; other++)
    if (strcmp(method, *other) == 0)
      return utility_error(input, error, -1, SQLSTATE_FEATURE_NOT_SUPPORTED,
                           "access method \"%s\" is not supported, only \"btree\"", method);
  return utility_error(input, error, -1, SQLSTATE_UNDEFINED_OBJECT, "access method \"%s\" does not exist", method);
}

int index_type_check(const struct utility_input *input, enum type_id type, struct error *error)
{
  if (type_is_ordered(type))
    return 0;
  int status =
      error_set(error, SQLSTATE_UNDEFINED_OBJECT,
                "data type %s has no default operator class for access method \"btree\"", UTILITY_TYPE_NAME(input, type));
  error_hint(error, "You must specify an operator class for the index or define a default operator class for the data "
                    "type.");
  return status;
}

static void set_order(const PgQuery__IndexElem *element, struct key_part *part)
{
  part->descending = element->ordering == PG_QUERY__SORT_BY_DIR__SORTBY_DESC;
  part->nulls_first = element->nulls_ordering == PG_QUERY__SORT_BY_NULLS__SORTBY_NULLS_DEFAULT
                          ? part->descending
                          : element->nulls_ordering == PG_QUERY__SORT_BY_NULLS__SORTBY_NULLS_FIRST;
}

static int find_column(const struct utility_input *input, const struct relation *definition, const char *name,
                       uint16_t *number, struct error *error)
{
  int column = relation_column(definition, name);
  if (column < 0)
    return utility_error(input, error, -1, SQLSTATE_UNDEFINED_COLUMN, "column \"%s\" does not exist", name);
  *number = (uint16_t)column;
  return 0;
}

static int index_part(const struct utility_input *input, struct relation *definition, const PgQuery__IndexElem *element,
                      struct key_part *part, struct error *error)
{
  struct defined defined = {.type = type_plain(TYPE_TEXT)};
  set_order(element, part);
  int status;
  if (!element->expr) {
    status = find_column(input, definition, element->name, &part->column, error);
    return status ? status : index_type_check(input, definition->schema.columns[part->column].type.id, error);
  }
  status = definition_expression(input, definition, element->expr, PLACE_INDEX, &defined, error);
  if (status)
    return status;
  if (defined.node->kind == NODE_COLUMN) // in parentheses
    part->column = (uint16_t)defined.node->column;
  else
    status = definition_add_expression(input, definition, &defined, bind_column_name(element->expr, "expr"), &part->column,
                                       error);
  return status ? status : index_type_check(input, defined.type.id, error);
}

static int index_include(const struct utility_input *input, const struct relation *definition, PgQuery__Node **list,
                         size_t count, struct index *index, struct error *error)
{
  index->includes = ARENA_ARRAY(input->arena, uint16_t, count + 1);
  if (!index->includes)
    return error_memory(error);
  for (size_t i = 0; i < count; i++) {
    const PgQuery__IndexElem *element = list[i]->index_elem;
    if (element->expr)
      return utility_error(input, error, -1, SQLSTATE_FEATURE_NOT_SUPPORTED,
                           "expressions are not supported in included columns");
    int status = find_column(input, definition, element->name, &index->includes[index->include_count++], error);
    if (status)
      return status;
  }
  return 0;
}

// The names of parts and included columns with underscores between; a name that is there already gets a number.
static void join_names(const struct relation *definition, const PgQuery__IndexStmt *create, const struct index *index,
                       char names[64])
{
  char parts[64][64];
  int count = 0;
  size_t at = 0;
  for (int i = 0; i < index->part_count + index->include_count && count < 64; i++) {
    bool is_part = i < index->part_count;
    const PgQuery__IndexElem *element = is_part ? create->index_params[i]->index_elem : NULL;
    const char *name = element && element->expr ? bind_column_name(element->expr, "expr")
                       : is_part ? definition->schema.columns[index->parts[i].column].name
                                 : definition->schema.columns[index->includes[i - index->part_count]].name;
    snprintf(parts[count], sizeof parts[count], "%s", name);
    for (int number = 1, k = 0; k < count; k++)
      if (strcmp(parts[k], parts[count]) == 0) {
        char digits[16];
        int size = snprintf(digits, sizeof digits, "%d", number++);
        snprintf(parts[count], sizeof parts[count], "%.*s%s", 63 - size, name, digits);
        k = -1;
      }
    count++;
  }
  names[0] = 0;
  for (int i = 0; i < count && at < LIMIT_IDENTIFIER; i++)
    at += (size_t)snprintf(names + at, 64 - at, "%s%s", i ? "_" : "", parts[i]);
}

static int index_name(const struct utility_input *input, const struct relation *definition,
                      const PgQuery__IndexStmt *create, struct index *index, bool *exists, struct error *error)
{
  if (!utility_text_given(create->idxname)) {
    struct name_maker maker = {.input = input, .schema_oid = definition->schema_oid, .definition = definition};
    char names[64];
    join_names(definition, create, index, names);
    name_make(&maker, definition->name, names, "idx", index->name);
    return 0;
  }
  snprintf(index->name, sizeof index->name, "%s", create->idxname);
  *exists = catalog_name(input->catalog, input->writer->version, definition->schema_oid, index->name) != 0;
  if (*exists && !create->if_not_exists)
    return error_set(error, SQLSTATE_DUPLICATE_TABLE, "relation \"%s\" already exists", index->name);
  if (*exists)
    utility_notice(input, SQLSTATE_DUPLICATE_TABLE, "relation \"%s\" already exists, skipping", index->name);
  return 0;
}

static int find_table(const struct utility_input *input, const PgQuery__RangeVar *name,
                      const struct relation **relation, struct error *error)
{
  int status = utility_find(input, name, NULL, false, relation, error);
  if (status)
    return status;
  if ((*relation)->tree && (*relation)->kind != RELATION_SEQUENCE && (*relation)->kind != RELATION_SINK)
    return 0;
  status = error_set(error, SQLSTATE_WRONG_OBJECT_TYPE, "cannot create index on relation \"%s\"", (*relation)->name);
  error_detail(error, (*relation)->kind == RELATION_SOURCE ? "A source without a primary key keeps no rows."
                      : (*relation)->kind == RELATION_SEQUENCE ? "This operation is not supported for sequences."
                      : (*relation)->kind == RELATION_VIEW     ? "This operation is not supported for views."
                      : (*relation)->kind == RELATION_SINK     ? "This operation is not supported for sinks."
                                                               : "This operation is not supported for workflows.");
  return status;
}

static int index_predicate(const struct utility_input *input, struct relation *definition, const PgQuery__Node *tree,
                           struct index *index, struct error *error)
{
  struct defined defined = {.type = type_plain(TYPE_BOOLEAN)};
  int status = definition_expression(input, definition, tree, PLACE_PREDICATE, &defined, error);
  const struct node *node = defined.node;
  bool is_true = !status && node->kind == NODE_CONSTANT && !node->constant.is_null && node->constant.integer;
  index->is_partial = !is_true;
  return status || is_true ? status : definition_add_expression(input, definition, &defined, "pred", &index->predicate, error);
}

// From the statement to the definition with the index in it. *exists: with IF NOT EXISTS there is one of its name.
static int index_define(const struct utility_input *input, const PgQuery__IndexStmt *create, struct relation *definition,
                        struct index *index, bool *exists, struct error *error)
{
  int status = 0;
  *exists = false;
  index->parts = ARENA_ARRAY(input->arena, struct key_part, index->part_count);
  if (!index->parts)
    return error_memory(error);
  if (create->where_clause) // first, as in PostgreSQL
    status = index_predicate(input, definition, create->where_clause, index, error);
  for (int i = 0; i < index->part_count && !status; i++)
    status = index_part(input, definition, create->index_params[i]->index_elem, &index->parts[i], error);
  if (!status)
    status = index_include(input, definition, create->index_including_params, create->n_index_including_params, index, error);
  if (!status)
    status = index_name(input, definition, create, index, exists, error);
  return status || *exists ? status : definition_add_index(input, definition, index, error);
}

int index_create(const struct utility_input *input, const PgQuery__IndexStmt *create, struct error *error)
{
  const struct relation *relation;
  int status = refuse_forms(input, create, error);
  if (!status)
    status = find_table(input, create->relation, &relation, error);
  if (!status)
    status = table_refuse_pending(input->writer, relation, "CREATE INDEX");
  if (status)
    return status;
  struct index index = {.is_unique = create->unique,
                        .nulls_are_equal = create->nulls_not_distinct,
                        .part_count = (int)create->n_index_params};
  struct relation *definition = catalog_copy(relation, input->arena);
  if (!definition)
    return error_memory(error);
  bool exists;
  status = index_define(input, create, definition, &index, &exists, error);
  if (!status && !exists)
    status = catalog_replace(input->catalog, input->writer, definition, error);
  if (status || exists)
    return status;
  const struct relation *made = catalog_find_oid(input->catalog, input->writer->version, relation->oid);
  return made ? table_build_index(input->writer, made, relation_index(made, index.name)) : error_memory(error);
}
