// CREATE TABLE: columns, defaults, constraints.
//
// Columns come first, then defaults, checks, the primary key and unique constraints, since each may name any column.
#include <stdio.h>
#include <stdlib.h>

#include "sql/binder.h"
#include "sql/utility_internal.h"

bool table_grow(const struct utility_input *input, struct relation *definition, int columns)
{
  struct schema *schema = &definition->schema;
  int shift = columns - schema->column_count;
  struct column *grown = ARENA_ARRAY(input->arena, struct column, columns + definition->expression_count + 1);
  struct expression_text *defaults = ARENA_ARRAY(input->arena, struct expression_text, columns + 1);
  if (!grown || !defaults)
    return false;
  if (schema->column_count) {
    memcpy(grown, schema->columns, sizeof *grown * schema->column_count);
    memcpy(defaults, definition->defaults, sizeof *defaults * schema->column_count);
  }
  // The expressions of indexes stay behind the columns.
  for (int i = 0; i < definition->expression_count; i++)
    grown[columns + i] = schema->columns[schema->column_count + i];
  for (int i = 0; i < definition->index_count && definition->expression_count; i++) {
    struct index *index = &definition->indexes[i];
    for (int p = 0; p < index->part_count; p++)
      if (relation_is_expression(definition, index->parts[p].column))
        index->parts[p].column = (uint16_t)(index->parts[p].column + shift);
    index->predicate = (uint16_t)(index->predicate + (index->is_partial ? shift : 0));
  }
  schema->columns = grown;
  definition->defaults = defaults;
  return true;
}

// --- Columns ------------------------------------------------------------------------------------------------

// What a serial type stands for; TYPE_UNKNOWN: it is none.
static enum type_id serial_type(const PgQuery__TypeName *type)
{
  static const struct {
    const char *name;
    enum type_id type;
  } names[] = {{"serial", TYPE_INT4},  {"bigserial", TYPE_INT8}, {"smallserial", TYPE_INT2},
               {"serial4", TYPE_INT4}, {"serial8", TYPE_INT8},   {"serial2", TYPE_INT2}};
  const char *own = type && type->n_names == 1 ? utility_string(type->names[0]) : "";
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (strcmp(own, names[i].name) == 0)
      return names[i].type;
  return TYPE_UNKNOWN;
}

static const PgQuery__Constraint *identity_of(const PgQuery__ColumnDef *column)
{
  for (size_t i = 0; i < column->n_constraints; i++)
    if (column->constraints[i]->constraint->contype == PG_QUERY__CONSTR_TYPE__CONSTR_IDENTITY)
      return column->constraints[i]->constraint;
  return NULL;
}

bool column_draws(const PgQuery__ColumnDef *column)
{
  return identity_of(column) || serial_type(column->type_name) != TYPE_UNKNOWN;
}

// Makes the sequence of a column that draws from one of its own.
int table_column_sequence(const struct utility_input *input, struct relation *definition,
                          const PgQuery__ColumnDef *column, struct error *error)
{
  const PgQuery__Constraint *identity = identity_of(column);
  int number = relation_column(definition, column->colname);
  if (!column_draws(column))
    return 0;
  if (definition->kind == RELATION_SOURCE)
    return utility_unsupported(input, error, column->location, "a source's column that draws from a sequence is");
  for (size_t i = 0; i < column->n_constraints; i++) {
    const PgQuery__Constraint *other = column->constraints[i]->constraint;
    bool is_default = other->contype == PG_QUERY__CONSTR_TYPE__CONSTR_DEFAULT;
    if (other->contype == PG_QUERY__CONSTR_TYPE__CONSTR_IDENTITY && other != identity)
      return utility_error(input, error, other->location, SQLSTATE_SYNTAX_ERROR,
                           "multiple identity specifications for column \"%s\" of table \"%s\"", column->colname,
                           definition->name);
    if (is_default && identity)
      return utility_error(input, error, other->location > identity->location ? other->location : identity->location,
                           SQLSTATE_SYNTAX_ERROR,
                           "both default and identity specified for column \"%s\" of table \"%s\"", column->colname,
                           definition->name);
    if (is_default)
      return utility_error(input, error, -1, SQLSTATE_SYNTAX_ERROR,
                           "multiple default values specified for column \"%s\" of table \"%s\"", column->colname,
                           definition->name);
  }
  return identity ? identity_add(input, definition, number, identity, error)
                  : sequence_for_column(input, definition, number, NULL, 0, error);
}

static int column_type(const struct utility_input *input, const PgQuery__ColumnDef *tree, struct column *column,
                       struct error *error)
{
  if (!tree->type_name)
    return utility_unsupported(input, error, tree->location, "a column without a type is");
  enum type_id serial = serial_type(tree->type_name);
  if (serial != TYPE_UNKNOWN && tree->type_name->n_array_bounds)
    return utility_error(input, error, tree->type_name->location, SQLSTATE_FEATURE_NOT_SUPPORTED,
                         "array of serial is not implemented");
  if (serial != TYPE_UNKNOWN) {
    column->type = type_plain(serial);
    return 0;
  }
  struct bind_input bind = utility_bind(input);
  int status = bind_type(&bind, tree->type_name, input->text, &column->type, &column->domain, error);
  return status ? status : composite_check(input, tree->colname, column->type.id, error);
}

static int column_collation(const struct utility_input *input, const PgQuery__ColumnDef *tree,
                            const struct column *column, struct error *error)
{
  static const char *const known[] = {"C", "POSIX", "default", "C.UTF-8", "C.utf8", "ucs_basic", NULL};
  const PgQuery__CollateClause *collate = tree->coll_clause;
  if (!collate)
    return 0;
  const char *name = utility_string(collate->collname[collate->n_collname - 1]);
  if (type_info(column->type.id)->category != 'S')
    return utility_error(input, error, collate->location, SQLSTATE_DATATYPE_MISMATCH,
                         "collations are not supported by type %s", UTILITY_TYPE_NAME(input, column->type.id));
  for (const char *const *at = known; *at; at++)
    if (strcmp(name, *at) == 0)
      return 0;
  return utility_error(input, error, collate->location, SQLSTATE_UNDEFINED_OBJECT,
                       "collation \"%s\" for encoding \"UTF8\" does not exist", name);
}

// NOT NULL and NULL of a column.
static int column_nulls(const struct utility_input *input, const struct relation *definition,
                        const PgQuery__ColumnDef *tree, struct column *column, struct error *error)
{
  bool is_serial = serial_type(tree->type_name) != TYPE_UNKNOWN;
  bool saw_null = false, saw_not_null = tree->is_not_null || column_draws(tree);
  for (size_t i = 0; i < tree->n_constraints; i++) {
    const PgQuery__Constraint *constraint = tree->constraints[i]->constraint;
    saw_null |= constraint->contype == PG_QUERY__CONSTR_TYPE__CONSTR_NULL;
    saw_not_null |= constraint->contype == PG_QUERY__CONSTR_TYPE__CONSTR_NOTNULL;
    if (saw_null && (saw_not_null || constraint->contype == PG_QUERY__CONSTR_TYPE__CONSTR_PRIMARY))
      return utility_error(input, error, is_serial ? -1 : constraint->location, SQLSTATE_SYNTAX_ERROR,
                           "conflicting NULL/NOT NULL declarations for column \"%s\" of table \"%s\"", tree->colname,
                           definition->name);
  }
  column->not_null = saw_not_null;
  return 0;
}

// Appends the column, for which there is room, without default and constraints.
int table_column(const struct utility_input *input, struct relation *definition, const PgQuery__ColumnDef *tree,
                 struct error *error)
{
  struct schema *schema = &definition->schema;
  if (relation_column(definition, tree->colname) >= 0) {
    if (definition->oid)
      return utility_error(input, error, -1, SQLSTATE_DUPLICATE_COLUMN,
                           "column \"%s\" of relation \"%s\" already exists", tree->colname, definition->name);
    return utility_error(input, error, -1, SQLSTATE_DUPLICATE_COLUMN, "column \"%s\" specified more than once",
                         tree->colname);
  }
  if (schema->column_count >= LIMIT_COLUMNS)
    return error_set(error, SQLSTATE_TOO_MANY_COLUMNS, "tables can have at most %d columns", LIMIT_COLUMNS);
  struct column *column = &schema->columns[schema->column_count];
  snprintf(column->name, sizeof column->name, "%s", tree->colname);
  int status = column_type(input, tree, column, error);
  if (!status)
    status = column_collation(input, tree, column, error);
  if (!status)
    status = column_nulls(input, definition, tree, column, error);
  column->is_generated = generated_of(tree) != NULL;
  schema->column_count += !status;
  return status;
}

// --- Defaults -------------------------------------------------------------------------------------------------

int default_check_type(const struct utility_input *input, const struct column *column, const struct node *node,
                       struct error *error)
{
  const struct function *function;
  if (node->type.id == TYPE_UNKNOWN || cast_find(node->type.id, column->type.id, CAST_ASSIGNMENT, &function))
    return 0;
  int status =
      error_set(error, SQLSTATE_DATATYPE_MISMATCH, "column \"%s\" is of type %s but default expression is of type %s",
                column->name, UTILITY_TYPE_NAME(input, column->type.id), UTILITY_TYPE_NAME(input, node->type.id));
  error_hint(error, "You will need to rewrite or cast the expression.");
  return status;
}

static bool is_null(const PgQuery__Node *tree)
{
  return tree->node_case == PG_QUERY__NODE__NODE_A_CONST && tree->a_const->isnull;
}

// tree NULL: none.
int table_default(const struct utility_input *input, struct relation *definition, int number, const PgQuery__Node *tree,
                  struct error *error)
{
  const struct column *column = &definition->schema.columns[number];
  definition->defaults[number] = (struct expression_text){0};
  if (!tree || is_null(tree))
    return 0;
  const char *text;
  struct node *node;
  int status = bind_deparse(tree, input->arena, &text, error);
  if (!status)
    status = types_numbered(input, false, &text, error);
  if (!status)
    status = sequence_default_text(input, &text, error);
  if (status)
    return status;
  struct bind_input bind = {
      .catalog = input->catalog, .version = input->writer->version, .settings = input->settings, .arena = input->arena};
  status = bind_expression(&bind, NULL, text, type_plain(TYPE_UNKNOWN), &node, error);
  if (status && error && strcmp(error->sqlstate, SQLSTATE_UNDEFINED_COLUMN) == 0)
    status = error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED, "cannot use column reference in DEFAULT expression");
  bool is_literal = !status && node->kind == NODE_CONSTANT && node->type.id == TYPE_UNKNOWN;
  if (!status)
    status = default_check_type(input, column, node, error);
  if (!status)
    status = bind_expression(&bind, NULL, text, column->type, &node, error);
  if (!status && is_literal && type_is_enum(column->type.id)) // so that it follows a value that gets another name
    text = arena_format(input->arena, "%s::pg_catalog.type_%u", text, type_oid(column->type.id));
  if (!status && !text)
    status = error_memory(error);
  if (!status)
    definition->defaults[number].text = text;
  return status;
}

static int column_default(const struct utility_input *input, struct relation *definition,
                          const PgQuery__ColumnDef *tree, struct error *error)
{
  const PgQuery__Constraint *found = NULL;
  if (definition->schema.columns[relation_column(definition, tree->colname)].is_generated)
    return generated_add(input, definition, tree, error);
  for (size_t i = 0; i < tree->n_constraints; i++) {
    const PgQuery__Constraint *constraint = tree->constraints[i]->constraint;
    if (constraint->contype != PG_QUERY__CONSTR_TYPE__CONSTR_DEFAULT)
      continue;
    if (found)
      return utility_error(input, error, constraint->location, SQLSTATE_SYNTAX_ERROR,
                           "multiple default values specified for column \"%s\" of table \"%s\"", tree->colname,
                           definition->name);
    found = constraint;
  }
  if (!found)
    return table_column_sequence(input, definition, tree, error);
  if (column_draws(tree))
    return table_column_sequence(input, definition, tree, error); // says what is wrong
  int status = table_default(input, definition, relation_column(definition, tree->colname), found->raw_expr, error);
  bool has_place = status && error && !error->position && strcmp(error->sqlstate, SQLSTATE_DATATYPE_MISMATCH) != 0;
  if (has_place)
    error_position(error, parse_position(input->text, bind_location(found->raw_expr)));
  return status;
}

// --- Constraints ------------------------------------------------------------------------------------------------

// One pass over all constraints, of columns and of the table, for one type of them.
static int add_constraint(const struct utility_input *input, struct relation *definition,
                          const PgQuery__Constraint *constraint, PgQuery__ConstrType pass, const char *column,
                          struct error *error)
{
  switch (constraint->contype) {
  case PG_QUERY__CONSTR_TYPE__CONSTR_NULL:
  case PG_QUERY__CONSTR_TYPE__CONSTR_NOTNULL:
  case PG_QUERY__CONSTR_TYPE__CONSTR_DEFAULT:
  case PG_QUERY__CONSTR_TYPE__CONSTR_IDENTITY:
  case PG_QUERY__CONSTR_TYPE__CONSTR_GENERATED:
  case PG_QUERY__CONSTR_TYPE__CONSTR_ATTR_DEFERRABLE:
  case PG_QUERY__CONSTR_TYPE__CONSTR_ATTR_NOT_DEFERRABLE:
  case PG_QUERY__CONSTR_TYPE__CONSTR_ATTR_DEFERRED:
  case PG_QUERY__CONSTR_TYPE__CONSTR_ATTR_IMMEDIATE:
  case PG_QUERY__CONSTR_TYPE__CONSTR_FOREIGN: return 0; // foreign_keys_create comes for them
  case PG_QUERY__CONSTR_TYPE__CONSTR_CHECK:
    return pass == constraint->contype ? constraint_add_check(input, definition, constraint, error) : 0;
  case PG_QUERY__CONSTR_TYPE__CONSTR_PRIMARY:
  case PG_QUERY__CONSTR_TYPE__CONSTR_UNIQUE:
    return pass == constraint->contype ? constraint_add_key(input, definition, constraint, column, error) : 0;
  default: return constraint_refuse(input, constraint, error);
  }
}

static int constraint_pass(const struct utility_input *input, struct relation *definition, PgQuery__Node **elements,
                           size_t count, PgQuery__ConstrType pass, struct error *error)
{
  int status = 0;
  for (size_t i = 0; i < count && !status; i++) {
    if (elements[i]->node_case == PG_QUERY__NODE__NODE_CONSTRAINT) {
      status = add_constraint(input, definition, elements[i]->constraint, pass, NULL, error);
    } else if (elements[i]->node_case == PG_QUERY__NODE__NODE_COLUMN_DEF) {
      const PgQuery__ColumnDef *column = elements[i]->column_def;
      for (size_t j = 0; j < column->n_constraints && !status; j++) {
        PgQuery__Constraint merged;
        status = constraint_of_column(input, column, j, &merged, error);
        if (!status)
          status = add_constraint(input, definition, &merged, pass, column->colname, error);
      }
    }
  }
  return status;
}

int table_elements(const struct utility_input *input, struct relation *definition, PgQuery__Node **elements,
                   size_t count, struct error *error)
{
  static const PgQuery__ConstrType passes[] = {
      PG_QUERY__CONSTR_TYPE__CONSTR_CHECK, PG_QUERY__CONSTR_TYPE__CONSTR_PRIMARY, PG_QUERY__CONSTR_TYPE__CONSTR_UNIQUE};
  if (count > 4 * LIMIT_COLUMNS)
    return error_set(error, SQLSTATE_TOO_MANY_COLUMNS, "tables can have at most %d columns", LIMIT_COLUMNS);
  int status = 0, room = (int)count;
  for (size_t i = 0; i < count && !status && room <= 8 * LIMIT_COLUMNS; i++) {
    int more = 0;
    if (elements[i]->node_case == PG_QUERY__NODE__NODE_TABLE_LIKE_CLAUSE)
      status = like_column_count(input, elements[i]->table_like_clause, &more, error);
    room += more;
  }
  if (status || room > 8 * LIMIT_COLUMNS)
    return status ? status
                  : error_set(error, SQLSTATE_TOO_MANY_COLUMNS, "tables can have at most %d columns", LIMIT_COLUMNS);
  if (!table_grow(input, definition, room))
    return error_memory(error);
  for (size_t i = 0; i < count && !status; i++) {
    if (elements[i]->node_case == PG_QUERY__NODE__NODE_COLUMN_DEF)
      status = table_column(input, definition, elements[i]->column_def, error);
    else if (elements[i]->node_case == PG_QUERY__NODE__NODE_TABLE_LIKE_CLAUSE)
      status = like_columns(input, definition, elements[i]->table_like_clause, error);
  }
  for (size_t i = 0; i < count && !status; i++)
    if (elements[i]->node_case == PG_QUERY__NODE__NODE_COLUMN_DEF)
      status = column_default(input, definition, elements[i]->column_def, error);
  for (size_t i = 0; i < sizeof passes / sizeof *passes && !status; i++)
    status = constraint_pass(input, definition, elements, count, passes[i], error);
  for (size_t i = 0; i < count && !status; i++)
    if (elements[i]->node_case == PG_QUERY__NODE__NODE_TABLE_LIKE_CLAUSE)
      status = like_constraints(input, definition, elements[i]->table_like_clause, error);
  return status;
}

// --- The table ----------------------------------------------------------------------------------------------------

int table_storage_options(const struct utility_input *input, PgQuery__Node **options, size_t count, struct error *error)
{
  for (size_t i = 0; i < count; i++) {
    const PgQuery__DefElem *option = options[i]->def_elem;
    const char *value = utility_option_value(input->arena, option->arg);
    bool is_plain =
        strcmp(option->defname, "parallel_workers") == 0 || strcmp(option->defname, "user_catalog_table") == 0 ||
        strcmp(option->defname, "deduplicate_items") == 0 || strcmp(option->defname, "toast_tuple_target") == 0 ||
        strncmp(option->defname, "autovacuum_", 11) == 0 || strncmp(option->defname, "vacuum_", 7) == 0;
    if (strcmp(option->defname, "fillfactor") == 0) {
      char *end = NULL;
      long factor = value ? strtol(value, &end, 10) : 0;
      if (!value || *end)
        return error_set(error, SQLSTATE_INVALID_PARAMETER_VALUE, "invalid value for integer option \"fillfactor\": %s",
                         value ? value : "");
      if (factor < 10 || factor > 100) {
        int status = error_set(error, SQLSTATE_INVALID_PARAMETER_VALUE,
                               "value %s out of bounds for option \"fillfactor\"", value);
        error_detail(error, "Valid values are between \"10\" and \"100\".");
        return status;
      }
    } else if (strcmp(option->defname, "oids") == 0) {
      if (value && strcmp(value, "false") != 0)
        return error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED, "tables declared WITH OIDS are not supported");
    } else if (!is_plain && !utility_text_given(option->defnamespace)) {
      return error_set(error, SQLSTATE_INVALID_PARAMETER_VALUE, "unrecognized parameter \"%s\"", option->defname);
    } else if (utility_text_given(option->defnamespace) && strcmp(option->defnamespace, "toast") != 0) {
      return error_set(error, SQLSTATE_INVALID_PARAMETER_VALUE, "unrecognized parameter namespace \"%s\"",
                       option->defnamespace);
    }
  }
  return 0;
}

static int refuse_forms(const struct utility_input *input, const PgQuery__CreateStmt *create, struct error *error)
{
  int32_t at = create->relation->location;
  if (create->partspec || create->partbound)
    return utility_unsupported(input, error, at, "partitioned tables are");
  if (create->n_inh_relations)
    return utility_unsupported(input, error, at, "table inheritance is");
  if (create->of_typename)
    return utility_unsupported(input, error, at, "typed tables are");
  if (utility_text_given(create->tablespacename) && strcmp(create->tablespacename, "pg_default") != 0)
    return error_set(error, SQLSTATE_UNDEFINED_OBJECT, "tablespace \"%s\" does not exist", create->tablespacename);
  if (utility_text_given(create->access_method) && strcmp(create->access_method, "heap") != 0)
    return error_set(error, SQLSTATE_UNDEFINED_OBJECT, "access method \"%s\" does not exist", create->access_method);
  return table_storage_options(input, create->options, create->n_options, error);
}

int table_on_commit(struct relation *definition, PgQuery__OnCommitAction action, struct error *error)
{
  definition->on_commit = action == PG_QUERY__ON_COMMIT_ACTION__ONCOMMIT_DELETE_ROWS ? ON_COMMIT_DELETE
                          : action == PG_QUERY__ON_COMMIT_ACTION__ONCOMMIT_DROP      ? ON_COMMIT_DROP
                                                                                     : ON_COMMIT_PRESERVE;
  bool is_said = action > PG_QUERY__ON_COMMIT_ACTION__ONCOMMIT_NOOP;
  if (is_said && !relation_is_temporary(definition))
    return error_set(error, SQLSTATE_INVALID_TABLE_DEFINITION, "ON COMMIT can only be used on temporary tables");
  return 0;
}

int table_create(const struct utility_input *input, const PgQuery__CreateStmt *create, struct error *error)
{
  int status = refuse_forms(input, create, error);
  if (status)
    return status;
  struct relation *definition = ARENA_NEW(input->arena, struct relation);
  if (!definition)
    return error_memory(error);
  definition->kind = RELATION_TABLE;
  definition->owner = input->settings->role;
  snprintf(definition->name, sizeof definition->name, "%s", create->relation->relname);
  status = utility_schema(input, create->relation, &definition->schema_oid, error);
  if (!status)
    status = table_on_commit(definition, create->oncommit, error);
  if (status)
    return status;
  bool exists = catalog_name(input->catalog, input->writer->version, definition->schema_oid, definition->name) != 0;
  if (exists && create->if_not_exists) {
    utility_notice(input, SQLSTATE_DUPLICATE_TABLE, "relation \"%s\" already exists, skipping", definition->name);
    return 0;
  }
  if (exists)
    return catalog_name_taken(input->writer, definition, definition->name);
  status = table_elements(input, definition, create->table_elts, create->n_table_elts, error);
  if (!status)
    status = catalog_create(input->catalog, input->writer, definition, error);
  for (size_t i = 0; i < create->n_table_elts && !status; i++) {
    const PgQuery__Node *element = create->table_elts[i];
    if (element->node_case == PG_QUERY__NODE__NODE_COLUMN_DEF && column_draws(element->column_def))
      status = sequence_give_owner(input, definition, relation_column(definition, element->column_def->colname), error);
  }
  for (int i = 0; i < definition->schema.column_count && !status; i++) { // identities that came by LIKE
    uint32_t drawn = definition->schema.columns[i].identity ? sequence_of_default(definition->defaults[i].text) : 0;
    const struct relation *sequence = drawn ? catalog_find_oid(input->catalog, input->writer->version, drawn) : NULL;
    if (sequence && !sequence->sequence.owner)
      status = sequence_give_owner(input, definition, i, error);
  }
  return status ? status : foreign_keys_create(input, definition, create->table_elts, create->n_table_elts, error);
}
