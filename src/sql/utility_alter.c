// ALTER TABLE and RENAME.
//
// Each command of one ALTER is a replacement of the definition of its own, on the one before it. Where the shape of
// the rows or their key changes, the table gets fresh trees, and its rows move into them.
#include <stdio.h>

#include "sql/utility_internal.h"
#include "sql/view.h"

int definition_store(const struct utility_input *input, struct relation *definition, const struct relation **relation,
                     struct error *error)
{
  int status = catalog_replace(input->catalog, input->writer, definition, error);
  if (status)
    return status;
  *relation = catalog_find_oid(input->catalog, input->writer->version, definition->oid);
  return *relation && (*relation)->is_compiled ? 0 : error_memory(error);
}

// --- Rows that are there already -----------------------------------------------------------------

struct evaluation row_evaluation(const struct row_walk *walk, struct value *const *ranges)
{
  struct evaluation evaluation = {0};
  if (walk->input->writer->evaluation)
    evaluation = *walk->input->writer->evaluation;
  evaluation.ranges = ranges;
  evaluation.arena = walk->input->arena;
  evaluation.error = walk->error;
  return evaluation;
}

static void add_names(const struct row_walk *walk, const char *column, const char *constraint)
{
  struct error *error = walk->error;
  if (!error)
    return;
  const struct relation *relation = walk->relation;
  snprintf(error->schema, sizeof error->schema, "%s",
           catalog_schema_name(walk->input->catalog, walk->input->writer->version, relation->schema_oid));
  snprintf(error->table, sizeof error->table, "%s", relation->name);
  snprintf(error->column, sizeof error->column, "%s", column ? column : "");
  snprintf(error->constraint, sizeof error->constraint, "%s", constraint ? constraint : "");
}

int row_walk_check(const struct row_walk *walk)
{
  struct value *ranges[] = {walk->values};
  struct evaluation evaluation = row_evaluation(walk, ranges);
  struct value holds;
  int status = program_run(walk->check->check.program, &evaluation, &holds);
  if (status || holds.is_null || holds.integer)
    return status;
  status = error_set(walk->error, SQLSTATE_CHECK_VIOLATION,
                     "check constraint \"%s\" of relation \"%s\" is violated by some row", walk->check->name,
                     walk->relation->name);
  add_names(walk, NULL, walk->check->name);
  return status;
}

int row_walk_null(const struct row_walk *walk)
{
  const struct relation *relation = walk->to ? walk->to : walk->relation;
  const char *column = relation->schema.columns[walk->column].name;
  int status = error_set(walk->error, SQLSTATE_NOT_NULL_VIOLATION,
                         "column \"%s\" of relation \"%s\" contains null values", column, relation->name);
  add_names(walk, column, NULL);
  return status;
}

int row_walk_insert(const struct row_walk *walk)
{
  struct writer *writer = walk->input->writer;
  writer->moves_rows = true;
  int status = table_insert(writer, walk->to, walk->values, -1, NULL, NULL);
  writer->moves_rows = false;
  return status;
}

static int visit_null(const struct row_walk *walk)
{
  return walk->values[walk->column].is_null ? row_walk_null(walk) : 0;
}

static int visit_move(const struct row_walk *walk)
{
  const struct expression_text *value = &walk->to->defaults[walk->column];
  struct value *ranges[] = {walk->values};
  struct evaluation evaluation = row_evaluation(walk, ranges);
  int status = 0;
  walk->values[walk->column] = value_null();
  if (value->program)
    status = program_run(value->program, &evaluation, &walk->values[walk->column]);
  if (!status && walk->to->schema.columns[walk->column].not_null && walk->values[walk->column].is_null)
    status = row_walk_null(walk);
  return status ? status : row_walk_insert(walk);
}

int row_walk_run(struct row_walk *walk, int (*visit)(const struct row_walk *walk))
{
  struct writer *writer = walk->input->writer;
  walk->values = ARENA_ARRAY(walk->input->arena, struct value, walk->relation->schema.column_count + 1);
  if (!walk->values)
    return error_memory(walk->error);
  struct arena_mark mark = arena_mark(walk->input->arena);
  struct cursor cursor;
  int status = 0;
  cursor_init(&cursor, writer->version, walk->relation->tree, writer->mark);
  for (bool more = cursor_seek(&cursor, (struct bytes){0}); more && !status; more = cursor_next(&cursor)) {
    arena_release(walk->input->arena, mark);
    status = relation_row(walk->relation, cursor.row, walk->values, walk->error);
    if (!status)
      status = visit(walk);
  }
  cursor_deinit(&cursor);
  return status;
}

// --- Constraints ---------------------------------------------------------------------------------

static int add_primary_key(const struct utility_input *input, const struct relation *from, struct relation *definition,
                           const PgQuery__Constraint *constraint, const struct relation **relation, struct error *error)
{
  int status = constraint_add_key(input, definition, constraint, NULL, error);
  definition->tree = 0;
  if (!status)
    status = definition_store(input, definition, relation, error);
  return status ? status : table_rewrite(input->writer, from, *relation);
}

static int add_using_index(const struct utility_input *input, const struct relation *from, struct relation *definition,
                           const PgQuery__Constraint *constraint, const struct relation **relation, struct error *error)
{
  bool is_primary;
  int status = constraint_use_index(input, definition, constraint, &is_primary, error);
  definition->tree = is_primary ? 0 : definition->tree;
  if (!status)
    status = definition_store(input, definition, relation, error);
  return status || !is_primary ? status : table_rewrite(input->writer, from, *relation);
}

static int add_unique(const struct utility_input *input, struct relation *definition,
                      const PgQuery__Constraint *constraint, const struct relation **relation, struct error *error)
{
  int status = constraint_add_key(input, definition, constraint, NULL, error);
  if (status)
    return status;
  char name[64];
  memcpy(name, definition->indexes[definition->index_count - 1].name, sizeof name);
  status = definition_store(input, definition, relation, error);
  return status ? status : table_build_index(input->writer, *relation, relation_index(*relation, name));
}

static int add_check(const struct utility_input *input, struct relation *definition,
                     const PgQuery__Constraint *constraint, const struct relation **relation, struct error *error)
{
  int status = constraint_add_check(input, definition, constraint, error);
  if (status)
    return status;
  char name[64];
  memcpy(name, definition->checks[definition->check_count - 1].name, sizeof name);
  status = definition_store(input, definition, relation, error);
  if (status || constraint->skip_validation)
    return status;
  struct row_walk walk = {.input = input, .relation = *relation, .error = error};
  for (int i = 0; i < (*relation)->check_count; i++)
    if (strcmp((*relation)->checks[i].name, name) == 0)
      walk.check = &(*relation)->checks[i];
  return row_walk_run(&walk, row_walk_check);
}

static int add_foreign_key(const struct utility_input *input, struct relation *definition,
                           const PgQuery__Constraint *constraint, const char *column, const struct relation **relation,
                           struct error *error)
{
  int status = foreign_key_add(input, definition, constraint, column, error);
  if (!status)
    status = definition_store(input, definition, relation, error);
  if (status || constraint->skip_validation)
    return status;
  return table_validate(input->writer, *relation, &(*relation)->foreign_keys[(*relation)->foreign_key_count - 1]);
}

static int add_constraint(const struct utility_input *input, const struct relation *from, struct relation *definition,
                          const PgQuery__Constraint *constraint, const struct relation **relation, struct error *error)
{
  if (utility_text_given(constraint->indexname))
    return add_using_index(input, from, definition, constraint, relation, error);
  switch (constraint->contype) {
  case PG_QUERY__CONSTR_TYPE__CONSTR_PRIMARY:
    return add_primary_key(input, from, definition, constraint, relation, error);
  case PG_QUERY__CONSTR_TYPE__CONSTR_UNIQUE: return add_unique(input, definition, constraint, relation, error);
  case PG_QUERY__CONSTR_TYPE__CONSTR_CHECK: return add_check(input, definition, constraint, relation, error);
  case PG_QUERY__CONSTR_TYPE__CONSTR_FOREIGN:
    return add_foreign_key(input, definition, constraint, NULL, relation, error);
  default: return constraint_refuse(input, constraint, error);
  }
}

// Foreign keys that need the constraint's index go first.
static int drop_its_needing(const struct utility_input *input, const struct relation **relation,
                            const PgQuery__AlterTableCmd *command, struct relation **definition, struct error *error)
{
  const struct index *index = relation_index(*relation, command->name);
  if (!index || !index->is_constraint)
    return 0;
  const char *what = arena_format(input->arena, "constraint %s on table %s", index->name, (*relation)->name);
  if (!what)
    return error_memory(error);
  bool cascade = command->behavior == PG_QUERY__DROP_BEHAVIOR__DROP_CASCADE;
  int status = drop_needing(input, relation, index, what, cascade, error);
  if (status)
    return status;
  *definition = catalog_copy(*relation, input->arena);
  return *definition ? 0 : error_memory(error);
}

static int drop_constraint(const struct utility_input *input, struct relation *definition,
                           const PgQuery__AlterTableCmd *command, const struct relation **relation, struct error *error)
{
  const struct relation *from;
  int checks = 0, indexes = 0, keys = 0;
  bool is_primary = false;
  int status = drop_its_needing(input, relation, command, &definition, error);
  if (status)
    return status;
  from = *relation;
  for (int i = 0; i < definition->check_count; i++)
    if (strcmp(definition->checks[i].name, command->name) != 0)
      definition->checks[checks++] = definition->checks[i];
  for (int i = 0; i < definition->index_count; i++) {
    bool goes = definition->indexes[i].is_constraint && strcmp(definition->indexes[i].name, command->name) == 0;
    is_primary |= goes && definition->indexes[i].is_primary;
    if (!goes)
      definition->indexes[indexes++] = definition->indexes[i];
  }
  for (int i = 0; i < definition->foreign_key_count; i++)
    if (strcmp(definition->foreign_keys[i].name, command->name) != 0)
      definition->foreign_keys[keys++] = definition->foreign_keys[i];
  bool found =
      checks < definition->check_count || indexes < definition->index_count || keys < definition->foreign_key_count;
  definition->check_count = checks;
  definition->index_count = indexes;
  definition->foreign_key_count = keys;
  if (!found && command->missing_ok) {
    utility_notice(input, SQLSTATE_SUCCESSFUL_COMPLETION,
                   "constraint \"%s\" of relation \"%s\" does not exist, skipping", command->name, definition->name);
    return 0;
  }
  if (!found)
    return error_set(error, SQLSTATE_UNDEFINED_OBJECT, "constraint \"%s\" of relation \"%s\" does not exist",
                     command->name, definition->name);
  if (is_primary) {
    definition->key_count = 0;
    definition->tree = 0;
  }
  status = definition_store(input, definition, relation, error);
  return status || !is_primary ? status : table_rewrite(input->writer, from, *relation);
}

static int alter_foreign_key(const struct utility_input *input, struct relation *definition,
                             const PgQuery__AlterTableCmd *command, const struct relation **relation,
                             struct error *error)
{
  int status = command->subtype == PG_QUERY__ALTER_TABLE_TYPE__AT_AlterConstraint
                   ? foreign_key_alter(definition, command->def->constraint, error)
                   : constraint_validate(input, definition, command->name, *relation, error);
  return status ? status : definition_store(input, definition, relation, error);
}

// --- Columns -------------------------------------------------------------------------------------

// The foreign keys of a column that was added.
static int add_column_keys(const struct utility_input *input, const PgQuery__ColumnDef *column,
                           const struct relation **relation, struct error *error)
{
  int status = 0;
  for (size_t i = 0; i < column->n_constraints && !status; i++) {
    PgQuery__Constraint constraint;
    status = constraint_of_column(input, column, i, &constraint, error);
    if (status || constraint.contype != PG_QUERY__CONSTR_TYPE__CONSTR_FOREIGN)
      continue;
    struct relation *definition = catalog_copy(*relation, input->arena);
    if (!definition)
      return error_memory(error);
    constraint.skip_validation = false;
    status = add_foreign_key(input, definition, &constraint, column->colname, relation, error);
  }
  return status;
}

static int add_column(const struct utility_input *input, const struct relation *from, struct relation *definition,
                      const PgQuery__AlterTableCmd *command, const struct relation **relation, struct error *error)
{
  const PgQuery__ColumnDef *column = command->def->column_def;
  int number = definition->schema.column_count;
  if (command->missing_ok && relation_column(definition, column->colname) >= 0) {
    utility_notice(input, SQLSTATE_DUPLICATE_COLUMN, "column \"%s\" of relation \"%s\" already exists, skipping",
                   column->colname, definition->name);
    return 0;
  }
  if (!table_grow(input, definition, number + 1))
    return error_memory(error);
  int status = table_column(input, definition, column, error);
  if (!status)
    status = generated_of(column) ? generated_add(input, definition, column, error)
                                  : table_column_sequence(input, definition, column, error);
  for (size_t i = 0; i < column->n_constraints && !status; i++) {
    PgQuery__Constraint constraint;
    status = constraint_of_column(input, column, i, &constraint, error);
    if (status)
      break;
    switch (constraint.contype) {
    case PG_QUERY__CONSTR_TYPE__CONSTR_DEFAULT:
      status = table_default(input, definition, number, constraint.raw_expr, error);
      break;
    case PG_QUERY__CONSTR_TYPE__CONSTR_CHECK:
      status = constraint_add_check(input, definition, &constraint, error);
      break;
    case PG_QUERY__CONSTR_TYPE__CONSTR_PRIMARY:
    case PG_QUERY__CONSTR_TYPE__CONSTR_UNIQUE:
      status = constraint_add_key(input, definition, &constraint, column->colname, error);
      break;
    case PG_QUERY__CONSTR_TYPE__CONSTR_IDENTITY: // with the column itself
    case PG_QUERY__CONSTR_TYPE__CONSTR_GENERATED:
    case PG_QUERY__CONSTR_TYPE__CONSTR_NULL:
    case PG_QUERY__CONSTR_TYPE__CONSTR_NOTNULL:
    case PG_QUERY__CONSTR_TYPE__CONSTR_FOREIGN: // when its rows are there
    case PG_QUERY__CONSTR_TYPE__CONSTR_ATTR_DEFERRABLE:
    case PG_QUERY__CONSTR_TYPE__CONSTR_ATTR_NOT_DEFERRABLE:
    case PG_QUERY__CONSTR_TYPE__CONSTR_ATTR_DEFERRED:
    case PG_QUERY__CONSTR_TYPE__CONSTR_ATTR_IMMEDIATE: break;
    default: status = constraint_refuse(input, &constraint, error); break;
    }
  }
  definition->tree = 0;
  definition->schema.version++;
  if (!status && definition->schema.version > 0x7fff)
    status = error_set(error, SQLSTATE_PROGRAM_LIMIT_EXCEEDED, "the columns of \"%s\" were changed too often",
                       definition->name);
  if (!status)
    status = definition_store(input, definition, relation, error);
  struct relation to = status ? *definition : **relation;
  to.is_checked_late = false; // the rows are what they were, and fit
  struct row_walk walk = {.input = input, .relation = from, .to = &to, .column = number, .error = error};
  if (!status)
    status = row_walk_run(&walk, visit_move);
  if (!status && column_draws(column))
    status = sequence_give_owner(input, *relation, number, error);
  return status ? status : add_column_keys(input, column, relation, error);
}

static int alter_column(const struct utility_input *input, struct relation *definition,
                        const PgQuery__AlterTableCmd *command, const struct relation **relation, struct error *error)
{
  int number;
  int status = column_find(definition, command->name, &number, error);
  if (status)
    return status;
  struct column *column = &definition->schema.columns[number];
  bool is_default = command->subtype == PG_QUERY__ALTER_TABLE_TYPE__AT_ColumnDefault;
  if (column->identity && command->subtype != PG_QUERY__ALTER_TABLE_TYPE__AT_SetNotNull) {
    status = error_set(error, SQLSTATE_SYNTAX_ERROR, "column \"%s\" of relation \"%s\" is an identity column",
                       column->name, definition->name);
    if (is_default && !command->def)
      error_hint(error, "Use ALTER TABLE ... ALTER COLUMN ... DROP IDENTITY instead.");
    return status;
  }
  if (is_default && column->is_generated) {
    status = error_set(error, SQLSTATE_SYNTAX_ERROR, "column \"%s\" of relation \"%s\" is a generated column",
                       column->name, definition->name);
    if (!command->def)
      error_hint(error, "Use ALTER TABLE ... ALTER COLUMN ... DROP EXPRESSION instead.");
    return status;
  }
  if (is_default) {
    status = table_default(input, definition, number, command->def, error);
  } else if (command->subtype == PG_QUERY__ALTER_TABLE_TYPE__AT_SetNotNull) {
    struct row_walk walk = {.input = input, .relation = *relation, .column = number, .error = error};
    status = column->not_null ? 0 : row_walk_run(&walk, visit_null);
    column->not_null = true;
  } else {
    for (int i = 0; i < definition->key_count; i++)
      if (definition->key[i].column == number)
        return error_set(error, SQLSTATE_INVALID_TABLE_DEFINITION, "column \"%s\" is in a primary key", column->name);
    for (int i = 0; i < definition->index_count; i++)
      for (int p = 0; definition->indexes[i].is_primary_apart && p < definition->indexes[i].part_count; p++)
        if (definition->indexes[i].parts[p].column == number)
          return error_set(error, SQLSTATE_INVALID_TABLE_DEFINITION, "column \"%s\" is in a primary key", column->name);
    column->not_null = false;
  }
  return status ? status : definition_store(input, definition, relation, error);
}

static int alter_identity(const struct utility_input *input, struct relation *definition,
                          const PgQuery__AlterTableCmd *command, const struct relation **relation, struct error *error)
{
  int number;
  int status = column_find(definition, command->name, &number, error);
  return status ? status : identity_alter(input, definition, number, command, relation, error);
}

static int change_owner(const struct utility_input *input, const PgQuery__RoleSpec *owner,
                        const struct relation **relation, struct error *error)
{
  uint32_t oid = (*relation)->oid;
  int status = relation_give(input, *relation, owner, error);
  if (!status)
    *relation = catalog_find_oid(input->catalog, input->writer->version, oid);
  return status || *relation ? status : error_memory(error);
}

// --- ALTER TABLE ---------------------------------------------------------------------------------

// What is about PostgreSQL's files, estimates and triggers has no effect here, but must be about what is there.
static int run_without_effect(const struct utility_input *input, const PgQuery__AlterTableCmd *command,
                              const struct relation *relation, struct error *error)
{
  int number;
  switch (command->subtype) {
  case PG_QUERY__ALTER_TABLE_TYPE__AT_SetRelOptions:
    return table_storage_options(input, command->def->list->items, command->def->list->n_items, error);
  case PG_QUERY__ALTER_TABLE_TYPE__AT_ClusterOn:
    if (relation_index(relation, command->name))
      return 0;
    return error_set(error, SQLSTATE_UNDEFINED_OBJECT, "index \"%s\" for table \"%s\" does not exist", command->name,
                     relation->name);
  case PG_QUERY__ALTER_TABLE_TYPE__AT_ResetRelOptions:
  case PG_QUERY__ALTER_TABLE_TYPE__AT_SetLogged:
  case PG_QUERY__ALTER_TABLE_TYPE__AT_SetUnLogged:
  case PG_QUERY__ALTER_TABLE_TYPE__AT_DropCluster:
  case PG_QUERY__ALTER_TABLE_TYPE__AT_DropOids:
  case PG_QUERY__ALTER_TABLE_TYPE__AT_ReplicaIdentity:
  case PG_QUERY__ALTER_TABLE_TYPE__AT_DisableRowSecurity:
  case PG_QUERY__ALTER_TABLE_TYPE__AT_NoForceRowSecurity: return 0;
  case PG_QUERY__ALTER_TABLE_TYPE__AT_SetStatistics:
    if (!utility_text_given(command->name)) // an index's column by its number
      return 0;
    return column_find(relation, command->name, &number, error);
  case PG_QUERY__ALTER_TABLE_TYPE__AT_SetOptions:
  case PG_QUERY__ALTER_TABLE_TYPE__AT_ResetOptions:
  case PG_QUERY__ALTER_TABLE_TYPE__AT_SetStorage:
  case PG_QUERY__ALTER_TABLE_TYPE__AT_SetCompression: return column_find(relation, command->name, &number, error);
  case PG_QUERY__ALTER_TABLE_TYPE__AT_SetTableSpace:
    if (strcmp(command->name, "pg_default") == 0)
      return 0;
    return error_set(error, SQLSTATE_UNDEFINED_OBJECT, "tablespace \"%s\" does not exist", command->name);
  case PG_QUERY__ALTER_TABLE_TYPE__AT_EnableTrig:
  case PG_QUERY__ALTER_TABLE_TYPE__AT_EnableAlwaysTrig:
  case PG_QUERY__ALTER_TABLE_TYPE__AT_EnableReplicaTrig:
  case PG_QUERY__ALTER_TABLE_TYPE__AT_DisableTrig:
  case PG_QUERY__ALTER_TABLE_TYPE__AT_EnableTrigAll:
  case PG_QUERY__ALTER_TABLE_TYPE__AT_DisableTrigAll:
  case PG_QUERY__ALTER_TABLE_TYPE__AT_EnableTrigUser:
  case PG_QUERY__ALTER_TABLE_TYPE__AT_DisableTrigUser: return table_trigger(relation, command, error);
  default: return utility_unsupported(input, error, -1, "this form of ALTER TABLE is");
  }
}

static int run_command(const struct utility_input *input, const PgQuery__AlterTableCmd *command,
                       const struct relation **relation, struct error *error)
{
  const struct relation *from = *relation;
  struct relation *definition = catalog_copy(from, input->arena);
  if (!definition)
    return error_memory(error);
  switch (command->subtype) {
  case PG_QUERY__ALTER_TABLE_TYPE__AT_AddConstraint:
    return add_constraint(input, from, definition, command->def->constraint, relation, error);
  case PG_QUERY__ALTER_TABLE_TYPE__AT_DropConstraint:
    return drop_constraint(input, definition, command, relation, error);
  case PG_QUERY__ALTER_TABLE_TYPE__AT_AlterConstraint:
  case PG_QUERY__ALTER_TABLE_TYPE__AT_ValidateConstraint:
    return alter_foreign_key(input, definition, command, relation, error);
  case PG_QUERY__ALTER_TABLE_TYPE__AT_AddColumn: return add_column(input, from, definition, command, relation, error);
  case PG_QUERY__ALTER_TABLE_TYPE__AT_ColumnDefault:
  case PG_QUERY__ALTER_TABLE_TYPE__AT_SetNotNull:
  case PG_QUERY__ALTER_TABLE_TYPE__AT_DropNotNull: return alter_column(input, definition, command, relation, error);
  case PG_QUERY__ALTER_TABLE_TYPE__AT_AddIdentity:
  case PG_QUERY__ALTER_TABLE_TYPE__AT_SetIdentity:
  case PG_QUERY__ALTER_TABLE_TYPE__AT_DropIdentity: return alter_identity(input, definition, command, relation, error);
  case PG_QUERY__ALTER_TABLE_TYPE__AT_DropExpression: return generated_drop(input, definition, command, relation, error);
  case PG_QUERY__ALTER_TABLE_TYPE__AT_ChangeOwner: return change_owner(input, command->newowner, relation, error);
  case PG_QUERY__ALTER_TABLE_TYPE__AT_DropColumn: return column_drop(input, command, relation, error);
  case PG_QUERY__ALTER_TABLE_TYPE__AT_AlterColumnType:
    return column_retype(input, definition, command, relation, error);
  default: return run_without_effect(input, command, from, error);
  }
}

static bool is_about_storage(PgQuery__AlterTableType subtype)
{
  return subtype == PG_QUERY__ALTER_TABLE_TYPE__AT_SetRelOptions || subtype == PG_QUERY__ALTER_TABLE_TYPE__AT_ResetRelOptions ||
         subtype == PG_QUERY__ALTER_TABLE_TYPE__AT_SetStatistics || subtype == PG_QUERY__ALTER_TABLE_TYPE__AT_SetTableSpace;
}

// ALTER INDEX: storage alone.
int index_alter(const struct utility_input *input, const PgQuery__AlterTableStmt *alter, struct error *error)
{
  const struct relation *relation;
  int status = utility_find(input, alter->relation, "i", alter->missing_ok, &relation, error);
  for (size_t i = 0; i < alter->n_cmds && relation && !status; i++)
    status = is_about_storage(alter->cmds[i]->alter_table_cmd->subtype)
                 ? run_without_effect(input, alter->cmds[i]->alter_table_cmd, relation, error)
                 : utility_unsupported(input, error, -1, "this form of ALTER INDEX is");
  return status;
}

int table_alter(const struct utility_input *input, const PgQuery__AlterTableStmt *alter, struct error *error)
{
  const struct relation *relation;
  int status = utility_find(input, alter->relation, "r", alter->missing_ok, &relation, error);
  if (status || !relation)
    return status;
  status = table_refuse_pending(input->writer, relation, "ALTER TABLE");
  for (size_t i = 0; i < alter->n_cmds && !status; i++)
    status = run_command(input, alter->cmds[i]->alter_table_cmd, &relation, error);
  return status ? status : workflows_check(input, relation, error);
}

// --- RENAME --------------------------------------------------------------------------------------

struct column_rename {
  const char *from;
  char *to;
  struct {
    char **place;
    char *old;
  } changed[64]; // put back before the tree is freed
  int count;
};

// Renames the column where the tree names it.
static void rename_in(ProtobufCMessage *message, void *context)
{
  struct column_rename *rename = context;
  if (message->descriptor != &pg_query__column_ref__descriptor)
    return;
  PgQuery__ColumnRef *reference = (PgQuery__ColumnRef *)(void *)message;
  PgQuery__Node *last = reference->n_fields ? reference->fields[reference->n_fields - 1] : NULL;
  if (last && strcmp(utility_string(last), rename->from) == 0 && rename->count < 64) {
    rename->changed[rename->count].place = &last->string->sval;
    rename->changed[rename->count++].old = last->string->sval;
    last->string->sval = rename->to;
  }
}

static int rename_in_text(const struct utility_input *input, const char **text, const char *from, const char *to,
                          struct error *error)
{
  const char *select = arena_format(input->arena, "SELECT %s", *text);
  if (!select)
    return error_memory(error);
  struct parse *parse = parse_open(bytes_of_string(select), error);
  if (!parse)
    return error->status;
  struct column_rename rename = {.from = from, .to = (char *)(uintptr_t)to};
  PgQuery__Node *tree = parse->statements[0].node->select_stmt->target_list[0]->res_target->val;
  parse_walk(&tree->base, rename_in, &rename);
  int status = rename.count ? bind_deparse(tree, input->arena, text, error) : 0;
  for (int i = 0; i < rename.count; i++)
    *rename.changed[i].place = rename.changed[i].old;
  parse_close(parse);
  return status;
}

static int rename_column(const struct utility_input *input, struct relation *definition,
                         const PgQuery__RenameStmt *rename, struct error *error)
{
  int number;
  if (relation_column(definition, rename->subname) < 0)
    return error_set(error, SQLSTATE_UNDEFINED_COLUMN, "column \"%s\" does not exist", rename->subname);
  int status = column_find(definition, rename->subname, &number, error);
  if (!status && relation_column(definition, rename->newname) >= 0)
    status = error_set(error, SQLSTATE_DUPLICATE_COLUMN, "column \"%s\" of relation \"%s\" already exists",
                       rename->newname, definition->name);
  for (int i = 0; i < definition->check_count && !status; i++)
    status = rename_in_text(input, &definition->checks[i].check.text, rename->subname, rename->newname, error);
  for (int i = 0; i < definition->schema.column_count && !status; i++)
    if (definition->schema.columns[i].is_generated)
      status = rename_in_text(input, &definition->defaults[i].text, rename->subname, rename->newname, error);
  for (int i = 0; i < definition->expression_count && !status; i++)
    status = rename_in_text(input, &definition->expressions[i].text, rename->subname, rename->newname, error);
  if (status)
    return status;
  snprintf(definition->schema.columns[number].name, sizeof definition->schema.columns[number].name, "%s",
           rename->newname);
  return expressions_bind(input, definition, error);
}

static int rename_constraint(struct relation *definition, const char *from, const char *to, struct error *error)
{
  char *place = NULL;
  for (int i = 0; i < definition->check_count; i++)
    if (strcmp(definition->checks[i].name, from) == 0)
      place = definition->checks[i].name;
  for (int i = 0; i < definition->index_count; i++)
    if (definition->indexes[i].is_constraint && strcmp(definition->indexes[i].name, from) == 0)
      place = definition->indexes[i].name;
  for (int i = 0; i < definition->foreign_key_count; i++)
    if (strcmp(definition->foreign_keys[i].name, from) == 0)
      place = definition->foreign_keys[i].name;
  if (place && relation_has_constraint(definition, to))
    return error_set(error, SQLSTATE_DUPLICATE_OBJECT, "constraint \"%s\" for relation \"%s\" already exists", to,
                     definition->name);
  if (!place)
    return error_set(error, SQLSTATE_UNDEFINED_OBJECT, "constraint \"%s\" for table \"%s\" does not exist", from,
                     definition->name);
  snprintf(place, 64, "%s", to);
  return 0;
}

static int rename_index(struct relation *definition, const char *from, const char *to)
{
  for (int i = 0; i < definition->index_count; i++)
    if (strcmp(definition->indexes[i].name, from) == 0)
      snprintf(definition->indexes[i].name, sizeof definition->indexes[i].name, "%s", to);
  return 0;
}

static const char *rename_kinds(const struct utility_input *input, const PgQuery__RenameStmt *rename)
{
  bool is_view = rename->rename_type == PG_QUERY__OBJECT_TYPE__OBJECT_VIEW ||
                 rename->relation_type == PG_QUERY__OBJECT_TYPE__OBJECT_VIEW;
  if (rename->rename_type == PG_QUERY__OBJECT_TYPE__OBJECT_INDEX)
    return "irvS";
  if (rename->rename_type == PG_QUERY__OBJECT_TYPE__OBJECT_SEQUENCE)
    return "S";
  if (input->parsed->form != FORM_PLAIN)
    return utility_form_kinds(input->parsed->form);
  return is_view ? "v" : rename->rename_type == PG_QUERY__OBJECT_TYPE__OBJECT_TABCONSTRAINT ? "r"
         : rename->rename_type == PG_QUERY__OBJECT_TYPE__OBJECT_TABLE                  ? "rviS"
                                                                                       : "rv";
}

// Views that name what got another name.
static int tell_views(const struct utility_input *input, const struct relation *old, const PgQuery__RenameStmt *rename,
                      struct error *error)
{
  const char *schema = catalog_schema_name(input->catalog, input->writer->version, old->schema_oid);
  struct view_change change = {.kind = VIEW_TABLE_MOVED,
                               .schema = schema,
                               .table = old->name,
                               .to_schema = schema,
                               .to = rename->newname,
                               .columns = &old->schema};
  if (rename->rename_type == PG_QUERY__OBJECT_TYPE__OBJECT_COLUMN) {
    change.kind = VIEW_COLUMN_RENAMED;
    change.column = relation_column(old, rename->subname);
  } else if (strcmp(old->name, rename->relation->relname) != 0 || // an index
             rename->rename_type == PG_QUERY__OBJECT_TYPE__OBJECT_TABCONSTRAINT)
    return 0;
  return views_follow(input, old->oid, &change, error);
}

int relation_rename(const struct utility_input *input, const PgQuery__RenameStmt *rename, const char **tag,
                    struct error *error)
{
  const struct relation *relation;
  int status = utility_find(input, rename->relation, rename_kinds(input, rename), rename->missing_ok, &relation, error);
  if (status || !relation)
    return status;
  struct relation *definition = catalog_copy(relation, input->arena);
  if (!definition)
    return error_memory(error);
  bool is_index = relation_index(relation, rename->relation->relname) && strcmp(relation->name, rename->relation->relname) != 0;
  switch (is_index ? PG_QUERY__OBJECT_TYPE__OBJECT_INDEX : rename->rename_type) {
  case PG_QUERY__OBJECT_TYPE__OBJECT_INDEX:
    if (is_index)
      status = rename_index(definition, rename->relation->relname, rename->newname);
    else // ALTER INDEX takes a table as well
      snprintf(definition->name, sizeof definition->name, "%s", rename->newname);
    break;
  case PG_QUERY__OBJECT_TYPE__OBJECT_COLUMN:
    status = relation->kind == RELATION_VIEW ? view_rename_column(definition, rename, error)
                                             : rename_column(input, definition, rename, error);
    break;
  case PG_QUERY__OBJECT_TYPE__OBJECT_TABCONSTRAINT:
    status = rename_constraint(definition, rename->subname, rename->newname, error);
    break;
  default: snprintf(definition->name, sizeof definition->name, "%s", rename->newname); break;
  }
  if (!status)
    status = catalog_replace(input->catalog, input->writer, definition, error);
  if (!status)
    status = tell_views(input, relation, rename, error);
  return status ? status : workflows_check(input, relation, error);
}
