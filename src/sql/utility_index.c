// CREATE INDEX: over columns, in either direction, unique or not.
#include <stdio.h>

#include "sql/utility_internal.h"

static int refuse_forms(const struct utility_input *input, const PgQuery__IndexStmt *create, struct error *error)
{
  int32_t at = create->relation->location;
  if (create->where_clause)
    return utility_unsupported(input, error, at, "partial indexes are");
  if (create->n_index_including_params)
    return utility_unsupported(input, error, at, "INCLUDE is");
  if (create->nulls_not_distinct)
    return utility_unsupported(input, error, at, "NULLS NOT DISTINCT is");
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

int index_type_check(enum type_id type, struct error *error)
{
  if (type_is_ordered(type))
    return 0;
  int status =
      error_set(error, SQLSTATE_UNDEFINED_OBJECT,
                "data type %s has no default operator class for access method \"btree\"", type_info(type)->name);
  error_hint(error, "You must specify an operator class for the index or define a default operator class for the data "
                    "type.");
  return status;
}

static int index_part(const struct utility_input *input, const struct relation *relation,
                      const PgQuery__IndexElem *element, struct key_part *part, struct error *error)
{
  if (element->expr)
    return utility_unsupported(input, error, -1, "indexes on expressions are");
  int column = relation_column(relation, element->name);
  if (column < 0)
    return utility_error(input, error, -1, SQLSTATE_UNDEFINED_COLUMN, "column \"%s\" does not exist", element->name);
  part->column = (uint16_t)column;
  part->descending = element->ordering == PG_QUERY__SORT_BY_DIR__SORTBY_DESC;
  part->nulls_first = element->nulls_ordering == PG_QUERY__SORT_BY_NULLS__SORTBY_NULLS_DEFAULT
                          ? part->descending
                          : element->nulls_ordering == PG_QUERY__SORT_BY_NULLS__SORTBY_NULLS_FIRST;
  return index_type_check(relation->schema.columns[column].type.id, error);
}

static int index_name(const struct utility_input *input, const struct relation *relation,
                      const PgQuery__IndexStmt *create, struct index *index, bool *exists, struct error *error)
{
  if (!utility_text_given(create->idxname)) {
    struct name_maker maker = {.input = input, .schema_oid = relation->schema_oid, .definition = relation};
    char columns[64];
    name_columns(relation, index->parts, index->part_count, columns);
    name_make(&maker, relation->name, columns, "idx", index->name);
    return 0;
  }
  snprintf(index->name, sizeof index->name, "%s", create->idxname);
  *exists = catalog_name(input->catalog, input->writer->version, relation->schema_oid, index->name) != 0;
  if (!*exists)
    return 0;
  if (!create->if_not_exists)
    return error_set(error, SQLSTATE_DUPLICATE_TABLE, "relation \"%s\" already exists", index->name);
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
  struct index index = {.is_unique = create->unique, .part_count = (int)create->n_index_params};
  index.parts = ARENA_ARRAY(input->arena, struct key_part, index.part_count);
  struct relation *definition = catalog_copy(relation, input->arena);
  if (!index.parts || !definition)
    return error_memory(error);
  for (int i = 0; i < index.part_count && !status; i++)
    status = index_part(input, relation, create->index_params[i]->index_elem, &index.parts[i], error);
  bool exists = false;
  if (!status)
    status = index_name(input, relation, create, &index, &exists, error);
  if (status || exists)
    return status;
  status = definition_add_index(input, definition, &index, error);
  if (!status)
    status = catalog_replace(input->catalog, input->writer, definition, error);
  if (status)
    return status;
  const struct relation *made = catalog_find_oid(input->catalog, input->writer->version, relation->oid);
  return made ? table_build_index(input->writer, made, relation_index(made, index.name)) : error_memory(error);
}
