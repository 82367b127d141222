// ALTER TABLE … DROP COLUMN and ALTER COLUMN … TYPE.
//
// A dropped column keeps its place in the rows, and its definition a name that nobody can say: no row is rewritten,
// unless it was in the primary key. A column of another type gives the table fresh trees, into which all rows move.
#include <stdio.h>

#include "sql/plan_node.h"
#include "sql/utility_internal.h"
#include "sql/view.h"
#include "table/comment.h"

int column_find(const struct relation *relation, const char *name, int *number, struct error *error)
{
  *number = relation_column(relation, name);
  if (*number >= 0)
    return 0;
  return error_set(error, SQLSTATE_UNDEFINED_COLUMN, "column \"%s\" of relation \"%s\" does not exist", name,
                   relation->name);
}

// --- What needs a column -------------------------------------------------------------------------

static bool index_has(const struct index *index, int column)
{
  bool has = index_reads(index, column);
  for (int i = 0; i < index->include_count; i++)
    has |= index->includes[i] == column;
  return has;
}

static bool is_among(const uint16_t *columns, int count, int column)
{
  for (int i = 0; i < count; i++)
    if (columns[i] == column)
      return true;
  return false;
}

struct column_use {
  int column;
  bool is_used;
};

static bool visit_use(const struct node *node, void *context)
{
  struct column_use *use = context;
  use->is_used |= node->kind == NODE_COLUMN && node->column == use->column;
  return true;
}

// Does the expression over a row of the relation read this column?
static int expression_uses(const struct utility_input *input, const struct relation *relation, const char *text,
                           int column, bool *uses, struct error *error)
{
  struct bind_input bind = {
      .catalog = input->catalog, .version = input->writer->version, .settings = input->settings, .arena = input->arena};
  struct column_use use = {.column = column};
  struct node *node;
  int status = bind_expression(&bind, relation, text, type_plain(TYPE_UNKNOWN), &node, error);
  if (!status)
    node_walk(node, visit_use, &use);
  *uses = use.is_used;
  return status;
}

// Foreign keys of other tables that refer to the column.
static int foreign_lines(const struct utility_input *input, const struct relation *relation, int column,
                         struct buffer *lines, struct error *error)
{
  for (int r = 0; r < relation->referencing_count; r++) {
    const struct relation *child = catalog_find_oid(input->catalog, input->writer->version, relation->referencing[r]);
    if (!child)
      return error_memory(error);
    for (int i = 0; i < child->foreign_key_count && child->oid != relation->oid; i++) {
      const struct foreign_key *key = &child->foreign_keys[i];
      if (key->referenced_oid == relation->oid && is_among(key->referenced_columns, key->part_count, column))
        buffer_format(lines, "%sconstraint %s on table %s depends on column %s of table %s", lines->size ? "\n" : "",
                      key->name, catalog_shown(input->writer, child).text, relation->schema.columns[column].name,
                      catalog_shown(input->writer, relation).text);
    }
  }
  return 0;
}

// What depends on a view, and on that in its turn.
static int dependent_lines(const struct utility_input *input, const struct relation *on, struct buffer *lines)
{
  uint32_t oid = 0;
  const struct relation *dependent;
  int status = catalog_dependent(input->writer, on->oid, &oid, &dependent);
  while (!status && dependent && lines->size < 256) {
    buffer_format(lines, "\n%s %s depends on %s %s", relation_kind_name(dependent->kind),
                  catalog_shown(input->writer, dependent).text, relation_kind_name(on->kind),
                  catalog_shown(input->writer, on).text);
    status = dependent_lines(input, dependent, lines);
    if (!status)
      status = catalog_dependent(input->writer, on->oid, &oid, &dependent);
  }
  return status;
}

static int view_lines(const struct utility_input *input, const struct relation *relation, int column,
                      struct buffer *lines, struct error *error)
{
  uint32_t oid = 0;
  const struct relation *view;
  int status = views_needing(input, relation->oid, column, &oid, &view, error);
  while (!status && view) {
    buffer_format(lines, "%sview %s depends on column %s of table %s", lines->size ? "\n" : "",
                  catalog_shown(input->writer, view).text, relation->schema.columns[column].name,
                  catalog_shown(input->writer, relation).text);
    status = dependent_lines(input, view, lines);
    if (!status)
      status = views_needing(input, relation->oid, column, &oid, &view, error);
  }
  return status;
}

// Generated columns that read this one.
static void generated_lines(const struct utility_input *input, const struct relation *relation, int column,
                            struct buffer *lines)
{
  struct shown table = catalog_shown(input->writer, relation);
  for (int i = 0; i < relation->schema.column_count; i++)
    if (generated_reads(relation, i, column))
      buffer_format(lines, "%scolumn %s of table %s depends on column %s of table %s", lines->size ? "\n" : "",
                    relation->schema.columns[i].name, table.text, relation->schema.columns[column].name, table.text);
}

static void tell_needed(const struct utility_input *input, const struct relation *relation, int column, struct error *error)
{
  snprintf(error->message, sizeof error->message, "cannot drop column %s of table %s because other objects depend on it",
           relation->schema.columns[column].name, catalog_shown(input->writer, relation).text);
}

static int refuse_needed(const struct utility_input *input, const struct relation *relation, int column,
                         struct error *error)
{
  struct buffer lines = {0};
  int status = foreign_lines(input, relation, column, &lines, error);
  generated_lines(input, relation, column, &lines);
  if (!status)
    status = view_lines(input, relation, column, &lines, error);
  if (!status && lines.size) {
    status = error_set(error, SQLSTATE_DEPENDENT_OBJECTS_STILL_EXIST, "%s", "");
    tell_needed(input, relation, column, error);
    error_detail(error, "%.*s", (int)lines.size, (const char *)lines.data);
    error_hint(error, "Use DROP ... CASCADE to drop the dependent objects too.");
  }
  buffer_deinit(&lines);
  return status;
}

static int drop_generated(const struct utility_input *input, const struct relation **relation, int column,
                          struct error *error)
{
  int status = 0;
  for (int i = 0; i < (*relation)->schema.column_count && !status; i++) {
    if (!generated_reads(*relation, i, column))
      continue;
    PgQuery__AlterTableCmd command = PG_QUERY__ALTER_TABLE_CMD__INIT;
    command.name = (*relation)->schema.columns[i].name;
    command.behavior = PG_QUERY__DROP_BEHAVIOR__DROP_CASCADE;
    utility_notice(input, SQLSTATE_SUCCESSFUL_COMPLETION, "drop cascades to column %s of table %s", command.name,
                   catalog_shown(input->writer, *relation).text);
    status = column_drop(input, &command, relation, error);
  }
  return status;
}

// With CASCADE: views, generated columns and foreign keys that need the column go.
static int drop_needed(const struct utility_input *input, const struct relation **relation, int column,
                       struct error *error)
{
  uint32_t oid = 0, table = (*relation)->oid;
  const struct relation *view;
  int status = views_needing(input, table, column, &oid, &view, error);
  while (!status && view) {
    status = drop_with_notice(input, view, error);
    if (!status)
      status = views_needing(input, table, column, &oid, &view, error);
  }
  if (!status)
    status = drop_generated(input, relation, column, error);
  for (int i = 0; !status && i < (*relation)->index_count; i++)
    if (index_has(&(*relation)->indexes[i], column))
      status = drop_needing(input, relation, &(*relation)->indexes[i], "column", true, error);
  return status;
}

// --- DROP COLUMN ---------------------------------------------------------------------------------

// Takes the column and what is about it off the definition. *moves: the rows need another key.
static int take_off(const struct utility_input *input, const struct relation *relation, struct relation *definition,
                    int number, bool *moves, struct error *error)
{
  int indexes = 0, checks = 0, keys = 0;
  for (int i = 0; i < definition->index_count; i++) {
    const struct index *index = &definition->indexes[i];
    if (!index_has(&relation->indexes[i], number)) // whose expressions are compiled
      definition->indexes[indexes++] = *index;
    else if (index->is_primary)
      *moves = true;
  }
  for (int i = 0; i < definition->check_count; i++) {
    bool uses;
    int status = expression_uses(input, relation, definition->checks[i].check.text, number, &uses, error);
    if (status)
      return status;
    if (!uses)
      definition->checks[checks++] = definition->checks[i];
  }
  for (int i = 0; i < definition->foreign_key_count; i++) {
    const struct foreign_key *key = &definition->foreign_keys[i];
    bool is_its_own =
        key->referenced_oid == relation->oid && is_among(key->referenced_columns, key->part_count, number);
    if (!is_its_own && !is_among(key->columns, key->part_count, number))
      definition->foreign_keys[keys++] = *key;
  }
  definition->index_count = indexes;
  definition->check_count = checks;
  definition->foreign_key_count = keys;
  if (*moves) {
    definition->key_count = 0;
    definition->tree = 0;
  }
  struct column *column = &definition->schema.columns[number];
  snprintf(column->name, sizeof column->name, "........pg.dropped.%d........", number + 1);
  column->is_dropped = true;
  column->not_null = false;
  column->identity = IDENTITY_NOT;
  column->is_generated = false;
  definition->defaults[number] = (struct expression_text){0};
  return 0;
}

// Sequences that the column owns go with it: what needs one of them is in the column's way.
static int drop_owned(const struct utility_input *input, const struct relation *table, int column, bool cascade,
                      struct error *error)
{
  uint32_t oid = 0;
  struct buffer dropped = {0};
  const struct relation *sequence;
  int status = 0;
  while (!status && (sequence = catalog_next(input->catalog, input->writer->version, &oid)))
    if (sequence->kind == RELATION_SEQUENCE && sequence->sequence.owner == table->oid &&
        sequence->sequence.owner_column == column)
      status = catalog_drop(input->catalog, input->writer, sequence, cascade, &dropped, error);
  if (!status && dropped.size)
    drop_notice(input, &dropped);
  buffer_deinit(&dropped);
  if (status && error && strcmp(error->sqlstate, SQLSTATE_DEPENDENT_OBJECTS_STILL_EXIST) == 0)
    tell_needed(input, table, column, error);
  return status;
}

// Views and foreign keys that need it are gone or refused.
static int drop_number(const struct utility_input *input, int number, bool cascade, const struct relation **relation,
                       struct error *error)
{
  const struct relation *from = *relation;
  struct view_change change = {.kind = VIEW_COLUMN_DROPPED,
                               .schema = catalog_schema_name(input->catalog, input->writer->version, from->schema_oid),
                               .table = from->name,
                               .columns = &from->schema,
                               .column = number};
  struct relation *definition = catalog_copy(from, input->arena);
  bool moves = false;
  int status = definition ? take_off(input, from, definition, number, &moves, error) : error_memory(error);
  if (!status)
    status = definition_store(input, definition, relation, error);
  if (!status && moves)
    status = table_rewrite(input->writer, from, *relation);
  struct comment comment = {.class = COMMENT_RELATION, .oid = from->oid, .column = number + 1};
  if (!status)
    status = comment_put(input->writer, &comment, NULL);
  if (!status)
    status = drop_owned(input, from, number, cascade, error);
  if (!status)
    status = views_follow(input, from->oid, &change, error);
  if (!status && !(*relation = catalog_find_oid(input->catalog, input->writer->version, from->oid)))
    status = error_memory(error);
  return status;
}

int column_drop(const struct utility_input *input, const PgQuery__AlterTableCmd *command,
                const struct relation **relation, struct error *error)
{
  int number = relation_column(*relation, command->name);
  bool cascade = command->behavior == PG_QUERY__DROP_BEHAVIOR__DROP_CASCADE;
  if (number < 0 && command->missing_ok) {
    utility_notice(input, SQLSTATE_SUCCESSFUL_COMPLETION, "column \"%s\" of relation \"%s\" does not exist, skipping",
                   command->name, (*relation)->name);
    return 0;
  }
  int status = column_find(*relation, command->name, &number, error);
  if (!status)
    status = cascade ? drop_needed(input, relation, number, error) : refuse_needed(input, *relation, number, error);
  return status ? status : drop_number(input, number, cascade, relation, error);
}

int column_drop_cascade(const struct utility_input *input, const struct relation *relation, int number,
                        struct error *error)
{
  int status = drop_needed(input, &relation, number, error);
  return status ? status : drop_number(input, number, true, &relation, error);
}

// --- ALTER COLUMN … TYPE -------------------------------------------------------------------------

static int refuse_read(const struct utility_input *input, const struct relation *relation, int number,
                       struct error *error)
{
  uint32_t oid = 0;
  const struct relation *view;
  int status = views_needing(input, relation->oid, number, &oid, &view, error);
  if (status || !view)
    return status;
  status = error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED, "cannot alter type of a column used by a view or rule");
  error_detail(error, "rule _RETURN on view %s depends on column \"%s\"", view->name,
               relation->schema.columns[number].name);
  return status;
}

// Values that follow from others follow from their type, too.
static int refuse_generated(const struct relation *relation, int number, const PgQuery__Node *using, struct error *error)
{
  const struct column *column = &relation->schema.columns[number];
  if (column->is_generated && using) {
    int status = error_set(error, SQLSTATE_INVALID_COLUMN_DEFINITION,
                           "cannot specify USING when altering type of generated column");
    error_detail(error, "Column \"%s\" is a generated column.", column->name);
    return status;
  }
  for (int i = 0; i < relation->schema.column_count; i++)
    if (generated_reads(relation, i, number)) {
      int status =
          error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED, "cannot alter type of a column used by a generated column");
      error_detail(error, "Column \"%s\" is used by generated column \"%s\".", column->name,
                   relation->schema.columns[i].name);
      return status;
    }
  return 0;
}

static int not_castable(const struct utility_input *input, const char *what, const struct column *column,
                        struct type type, const char *hint,
                        struct error *error)
{
  char name[128];
  utility_type_format(input, type, name, sizeof name);
  int status = error_set(error, SQLSTATE_DATATYPE_MISMATCH, "%s \"%s\" cannot be cast automatically to type %s", what,
                         column->name, name);
  if (hint)
    error_hint(error, hint, column->name, name);
  return status;
}

// The program that makes the new value of the old row.
static int retype_program(const struct utility_input *input, const struct relation *relation, int number,
                          const PgQuery__Node *using, struct type type, const struct program **program,
                          struct error *error)
{
  const struct column *column = &relation->schema.columns[number];
  struct bind_input bind = {
      .catalog = input->catalog, .version = input->writer->version, .settings = input->settings, .arena = input->arena};
  struct buffer name = {0};
  const char *text = NULL;
  int status = 0;
  if (using)
    status = bind_deparse(using, input->arena, &text, error);
  else {
    name_deparse(column->name, &name);
    text = name.failed ? NULL : arena_copy(input->arena, name.data, name.size);
    status = text ? 0 : error_memory(error);
  }
  buffer_deinit(&name);
  struct node *node = NULL;
  if (!status)
    status = bind_expression(&bind, relation, text, type_plain(TYPE_UNKNOWN), &node, error);
  if (status)
    return status;
  const struct function *function;
  if (node->type.id != TYPE_UNKNOWN && !cast_find(node->type.id, type.id, CAST_ASSIGNMENT, &function))
    return using ? not_castable(input, "result of USING clause for column", column, type, "You might need to add an explicit cast.",
                                error)
                 : not_castable(input, "column", column, type, "You might need to specify \"USING %s::%s\".", error);
  struct expression_text compiled = {0};
  status = bind_compile(&bind, relation, text, type, &compiled, error);
  *program = compiled.program;
  return status;
}

// A default stays what it was, as a value of the new type.
static int retype_default(const struct utility_input *input, struct relation *definition, int number, struct type type,
                          struct error *error)
{
  struct expression_text *own = &definition->defaults[number];
  const struct column *column = &definition->schema.columns[number];
  const struct function *function;
  char name[128];
  struct bind_input bind = {
      .catalog = input->catalog, .version = input->writer->version, .settings = input->settings, .arena = input->arena};
  struct node *node;
  if (!own->text)
    return 0;
  if (sequence_of_default(own->text))
    return cast_find(TYPE_INT8, type.id, CAST_ASSIGNMENT, &function)
               ? 0
               : not_castable(input, "default for column", column, type, NULL, error);
  int status = bind_expression(&bind, column->is_generated ? definition : NULL, own->text, type_plain(TYPE_UNKNOWN), &node, error);
  if (status)
    return status;
  if (column->is_generated)
    return node->type.id == TYPE_UNKNOWN || cast_find(node->type.id, type.id, CAST_ASSIGNMENT, &function)
               ? 0
               : not_castable(input, "generation expression for column", column, type, NULL, error);
  if (!cast_find(column->type.id, type.id, CAST_ASSIGNMENT, &function))
    return not_castable(input, "default for column", column, type, NULL, error);
  if (node->type.id == TYPE_UNKNOWN || cast_find(node->type.id, column->type.id, CAST_IMPLICIT, &function))
    return 0; // the value is the same without a way through the old type
  utility_type_format(input, column->type, name, sizeof name);
  own->text = arena_format(input->arena, "(%s)::%s", own->text, name);
  return own->text ? 0 : error_memory(error);
}

static int retype_checks(const struct utility_input *input, const struct relation *definition, struct error *error)
{
  struct bind_input bind = {
      .catalog = input->catalog, .version = input->writer->version, .settings = input->settings, .arena = input->arena};
  int status = 0;
  for (int i = 0; i < definition->check_count && !status; i++) {
    struct node *node;
    status = bind_expression(&bind, definition, definition->checks[i].check.text, type_plain(TYPE_BOOLEAN), &node, error);
  }
  return status;
}

// Foreign keys from the column and to it hold over the values as they are now. child: whose keys they are.
static int validate_keys(const struct utility_input *input, const struct relation *child, const struct relation *changed,
                         int number, struct error *error)
{
  int status = 0;
  for (int i = 0; i < child->foreign_key_count && !status; i++) {
    const struct foreign_key *key = &child->foreign_keys[i];
    bool is_from = child == changed && is_among(key->columns, key->part_count, number);
    bool is_to = key->referenced_oid == changed->oid && is_among(key->referenced_columns, key->part_count, number);
    if (!is_from && !is_to)
      continue;
    const struct relation *parent = catalog_find_oid(input->catalog, input->writer->version, key->referenced_oid);
    status = parent ? foreign_key_check_types(input, child, parent, key, error) : error_memory(error);
    if (!status && !key->is_not_valid)
      status = table_validate(input->writer, child, key);
  }
  return status;
}

static int validate_all(const struct utility_input *input, const struct relation *changed, int number,
                        struct error *error)
{
  int status = validate_keys(input, changed, changed, number, error);
  for (int i = 0; i < changed->referencing_count && !status; i++) {
    const struct relation *child = catalog_find_oid(input->catalog, input->writer->version, changed->referencing[i]);
    if (child != changed)
      status = child ? validate_keys(input, child, changed, number, error) : error_memory(error);
  }
  return status;
}

static int visit_retype(const struct row_walk *walk)
{
  struct value *ranges[] = {walk->values}, value;
  struct evaluation evaluation = row_evaluation(walk, ranges);
  int status = program_run(walk->program, &evaluation, &value);
  if (!status && value.is_null && walk->to->schema.columns[walk->column].not_null)
    status = row_walk_null(walk);
  walk->values[walk->column] = value;
  return status ? status : row_walk_insert(walk);
}

// Two rows that have become one in a unique index: it is the index that cannot be made.
static int tell_twins(int status, struct error *error)
{
  static const char exists[] = "already exists.";
  if (!error || strcmp(error->sqlstate, SQLSTATE_UNIQUE_VIOLATION) != 0)
    return status;
  snprintf(error->message, sizeof error->message, "could not create unique index \"%s\"", error->constraint);
  char *end = strstr(error->detail, exists);
  if (end)
    snprintf(end, sizeof error->detail - (size_t)(end - error->detail), "is duplicated.");
  return status;
}

int column_retype(const struct utility_input *input, struct relation *definition, const PgQuery__AlterTableCmd *command,
                  const struct relation **relation, struct error *error)
{
  const struct relation *from = *relation;
  const PgQuery__ColumnDef *tree = command->def->column_def;
  const struct program *program = NULL;
  struct bind_input bind = utility_bind(input);
  struct type type;
  uint32_t domain;
  int number;
  int status = column_find(definition, command->name, &number, error);
  if (!status)
    status = bind_type(&bind, tree->type_name, input->text, &type, &domain, error);
  if (status && error)
    error_position(error, 0);
  if (!status && from->schema.columns[number].identity)
    status = identity_check(type, domain, error);
  if (!status)
    status = composite_check(input, command->name, type.id, error);
  if (!status)
    status = refuse_generated(from, number, tree->raw_default, error);
  if (!status)
    status = retype_program(input, from, number, tree->raw_default, type, &program, error);
  if (!status)
    status = retype_default(input, definition, number, type, error);
  if (!status)
    status = refuse_read(input, from, number, error);
  for (int i = 0; !status && i < definition->index_count; i++)
    for (int p = 0; p < definition->indexes[i].part_count && !status; p++)
      if (definition->indexes[i].parts[p].column == number)
        status = index_type_check(input, type.id, error);
  if (status)
    return status;
  definition->schema.columns[number].type = type;
  definition->schema.columns[number].domain = domain;
  definition->tree = 0;
  status = expressions_bind(input, definition, error);
  if (!status)
    status = retype_checks(input, definition, error);
  if (!status && ++definition->schema.version > 0x7fff)
    status = error_set(error, SQLSTATE_PROGRAM_LIMIT_EXCEEDED, "the columns of \"%s\" were changed too often",
                       definition->name);
  if (!status)
    status = definition_store(input, definition, relation, error);
  if (status)
    return status;
  struct relation to = **relation;
  to.is_checked_late = false; // keys that are looked at late are validated behind,
  to.check_count = 0;         // and so are checks
  struct row_walk walk = {
      .input = input, .relation = from, .to = &to, .program = program, .column = number, .error = error};
  status = row_walk_run(&walk, visit_retype);
  if (status)
    return tell_twins(status, error);
  walk.relation = *relation;
  for (int i = 0; i < (*relation)->check_count && !status; i++) {
    walk.check = &(*relation)->checks[i];
    status = walk.check->is_not_valid ? 0 : row_walk_run(&walk, row_walk_check);
  }
  return status ? status : validate_all(input, *relation, number, error);
}
