// Binding: the entries, and what all its files lean on: errors with positions, growing arrays, ranges, parameters.
//
// Parameters. One whose type nobody gave has none until an expression wants one of it (bind_parameter_type); then all
// that name it have that type. Those that nobody wanted anything of are 42P18, as in PostgreSQL; where they stand for
// literals they become text, as literals do.
// A stripped text is only worth its plan: whatever goes wrong in it is STATUS_LONG, and the text as it stands tells.
#include "sql/bind.h"

#include <pg_query.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "expr/program.h"
#include "sql/binder.h"
#include "sql/parentheses.h"

// --- Errors and memory -----------------------------------------------------------------------------

static void set_position(struct binder *binder, int32_t location)
{
  bool is_known = location >= 0 && binder->has_positions;
  error_position(binder->error, is_known ? parse_position(binder->input->text, location) : 0);
}

int bind_error(struct binder *binder, int32_t location, const char *sqlstate, const char *format, ...)
{
  char message[sizeof binder->error->message];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(message, sizeof message, format, arguments);
  va_end(arguments);
  int status = error_set(binder->error, sqlstate, "%s", message);
  set_position(binder, location);
  return status;
}

struct node *bind_fail(struct binder *binder, int32_t location, const char *sqlstate, const char *format, ...)
{
  char message[sizeof binder->error->message];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(message, sizeof message, format, arguments);
  va_end(arguments);
  (void)bind_error(binder, location, sqlstate, "%s", message);
  return NULL;
}

int bind_error_from(struct binder *binder, int32_t location)
{
  set_position(binder, binder->error->position > 0 ? binder->error->position - 1 : location);
  return binder->error->status;
}

void *bind_memory(struct binder *binder)
{
  (void)!error_memory(binder->error);
  return NULL;
}

char *bind_copy(struct binder *binder, const char *text)
{
  char *copy = arena_string(binder->arena, text);
  return copy ? copy : bind_memory(binder);
}

bool bind_grow(struct binder *binder, void *array, int count, int *capacity, size_t size)
{
  if (count < *capacity)
    return true;
  int larger = *capacity ? *capacity * 2 : 8;
  void *grown = arena_alloc_zeroed(binder->arena, size * (size_t)larger);
  if (!grown) {
    bind_memory(binder);
    return false;
  }
  void *old;
  memcpy(&old, array, sizeof old);
  if (count)
    memcpy(grown, old, size * (size_t)count);
  memcpy(array, &grown, sizeof grown);
  *capacity = larger;
  return true;
}

bool bind_enter(struct binder *binder, int32_t location)
{
  // The pre-scan bounds what one text nests, names in WITH can nest it anew.
  if (binder->depth++ < 3 * (LIMIT_CHAIN + LIMIT_NESTING))
    return true;
  (void)bind_error(binder, location, SQLSTATE_STATEMENT_TOO_COMPLEX, "the statement is nested too deeply");
  return false;
}

bool bind_deepen(struct binder *binder, int more)
{
  int depth = binder->query_depth + more;
  binder->deepest = depth > binder->deepest ? depth : binder->deepest;
  if (depth <= LIMIT_NESTING + 1)
    return true;
  (void)bind_error(binder, -1, SQLSTATE_STATEMENT_TOO_COMPLEX, "queries are nested too deeply");
  return false;
}

// --- Ranges and relations --------------------------------------------------------------------------

int bind_range(struct binder *binder, const struct range *range)
{
  struct statement *statement = binder->statement;
  if (statement->range_count == LIMIT_RANGES)
    return bind_error(binder, -1, SQLSTATE_PROGRAM_LIMIT_EXCEEDED,
                      "the statement reads more than %d tables and queries", LIMIT_RANGES);
  if (!bind_grow(binder, &statement->ranges, statement->range_count, &binder->range_capacity, sizeof *range))
    return binder->error->status;
  statement->ranges[statement->range_count] = *range;
  statement->ranges[statement->range_count].role = binder->input->settings->role;
  return statement->range_count++;
}

int bind_columns(struct binder *binder, struct range *range, int count)
{
  range->column_count = count;
  range->columns = ARENA_ARRAY(binder->arena, struct range_column, count ? count : 1);
  return range->columns ? 0 : error_memory(binder->error);
}

int bind_pin(struct binder *binder, const struct relation *relation)
{
  struct statement *statement = binder->statement;
  for (int i = 0; i < statement->relation_count; i++)
    if (statement->relations[i] == relation)
      return 0;
  if (!bind_grow(binder, &statement->relations, statement->relation_count, &binder->relation_capacity,
                 sizeof *statement->relations))
    return binder->error->status;
  statement->relations[statement->relation_count++] = relation_pin(relation);
  return 0;
}

// --- Parameters ------------------------------------------------------------------------------------

static bool grow_parameters(struct binder *binder, int count)
{
  struct statement *statement = binder->statement;
  while (statement->parameter_count < count) {
    if (!bind_grow(binder, &statement->parameters, statement->parameter_count, &binder->parameter_capacity,
                   sizeof *statement->parameters))
      return false;
    statement->parameters[statement->parameter_count++] = type_plain(TYPE_UNKNOWN);
  }
  return true;
}

struct node *bind_parameter(struct binder *binder, const PgQuery__ParamRef *reference)
{
  const struct bind_input *input = binder->input;
  struct statement *statement = binder->statement;
  int number = reference->number;
  if (binder->no_parameters || number < 1 || number > LIMIT_PARAMETERS ||
      (input->parameters_are_literals && number > input->parameter_count))
    return bind_fail(binder, reference->location, SQLSTATE_UNDEFINED_PARAMETER, "there is no parameter $%d", number);
  if (!grow_parameters(binder, number))
    return NULL;
  struct type type = statement->parameters[number - 1];
  struct node *node = node_new(binder->arena, NODE_PARAMETER, type, reference->location, NULL, 0);
  if (!node)
    return bind_memory(binder);
  node->parameter = number - 1;
  if (type.id != TYPE_UNKNOWN)
    return node;
  if (!bind_grow(binder, &binder->loose, binder->loose_count, &binder->loose_capacity, sizeof *binder->loose))
    return NULL;
  return binder->loose[binder->loose_count++] = node;
}

struct node *bind_parameter_type(struct binder *binder, struct node *node, struct type type)
{
  struct type *known = &binder->statement->parameters[node->parameter];
  if (known->id == TYPE_UNKNOWN) {
    *known = type_plain(type.id);
  } else if (known->id != type.id) {
    bind_fail(binder, node->position, SQLSTATE_AMBIGUOUS_PARAMETER, "inconsistent types deduced for parameter $%d",
              node->parameter + 1);
    error_detail(binder->error, "%s versus %s", BIND_TYPE_NAME(binder, known->id), BIND_TYPE_NAME(binder, type.id));
    return NULL;
  }
  struct node *typed = node_new(binder->arena, NODE_PARAMETER, *known, node->position, NULL, 0);
  if (!typed)
    return bind_memory(binder);
  typed->parameter = node->parameter;
  return typed;
}

// At the end: parameters of no type, and nodes that named one before it had its type.
static int settle_parameters(struct binder *binder)
{
  struct statement *statement = binder->statement;
  for (int i = 0; i < statement->parameter_count; i++) {
    if (statement->parameters[i].id != TYPE_UNKNOWN)
      continue;
    if (!binder->input->parameters_are_literals)
      return bind_error(binder, -1, SQLSTATE_INDETERMINATE_DATATYPE, "could not determine data type of parameter $%d",
                        i + 1);
    statement->parameters[i] = type_plain(TYPE_TEXT);
  }
  for (int i = 0; i < binder->loose_count; i++)
    binder->loose[i]->type = statement->parameters[binder->loose[i]->parameter];
  return 0;
}

// --- Texts of definitions --------------------------------------------------------------------------

// Parses `SELECT (text)`; the expression is the one target. NULL with the error set.
static const PgQuery__Node *parse_expression(struct arena *arena, const char *text, struct parse **parse,
                                             struct error *error)
{
  const char *select = arena_format(arena, "SELECT (%s\n)", text);
  if (!select) {
    (void)!error_memory(error);
    return NULL;
  }
  *parse = parse_open(bytes_of_string(select), error);
  if (!*parse)
    return NULL;
  const struct parsed *first = (*parse)->statement_count == 1 ? &(*parse)->statements[0] : NULL;
  if (first && first->node && first->node->node_case == PG_QUERY__NODE__NODE_SELECT_STMT &&
      first->node->select_stmt->n_target_list == 1 && first->node->select_stmt->n_from_clause == 0)
    return first->node->select_stmt->target_list[0]->res_target->val;
  (void)!error_set(error, SQLSTATE_SYNTAX_ERROR, "\"%s\" is not an expression", text);
  return NULL;
}

// Its own, or its domain's. NULL: none.
static const char *column_default_text(struct binder *binder, const struct relation *relation, int number)
{
  const struct column *column = &relation->schema.columns[number];
  const char *own = relation->defaults ? relation->defaults[number].text : NULL;
  if (own || !column->domain || type_is_array(column->type.id))
    return own;
  const struct relation *domain = catalog_find_oid(binder->input->catalog, binder->input->version, column->domain);
  return domain ? domain->defaults[0].text : NULL;
}

struct node *bind_default(struct binder *binder, const struct relation *relation, int column)
{
  bool is_computed = relation->schema.columns[column].is_generated; // when the row is there (table_generate)
  const char *text = is_computed ? NULL : column_default_text(binder, relation, column);
  struct type type = relation->schema.columns[column].type;
  struct node *node;
  if (!text) {
    node = node_constant(binder->arena, type, value_null(), -1);
    return node ? node : bind_memory(binder);
  }
  struct parse *parse = NULL;
  const PgQuery__Node *tree = parse_expression(binder->arena, text, &parse, binder->error);
  bool had_positions = binder->has_positions;
  const char *had_parameters = binder->no_parameters;
  binder->has_positions = false;
  binder->no_parameters = "DEFAULT";
  struct scope scope = {.clause = CLAUSE_DEFAULT, .group_range = -1};
  node = tree ? bind_expr(binder, &scope, tree) : NULL;
  if (node)
    node = bind_assign(binder, node, relation, column);
  binder->has_positions = had_positions;
  binder->no_parameters = had_parameters;
  parse_close(parse);
  return node;
}

// --- Entries ---------------------------------------------------------------------------------------

static struct statement *new_statement(struct binder *binder, const struct bind_input *input, struct error *error)
{
  *binder = (struct binder){.input = input, .arena = input->arena, .error = error, .has_positions = true,
                            .role = input->settings->role};
  struct name_scope scope = bind_name_scope(input);
  catalog_types_init(&binder->types, input->catalog, input->version, &scope);
  binder->format = input->settings->format;
  binder->format.types = &binder->types.types;
  return binder->statement = ARENA_NEW(input->arena, struct statement);
}

static int bind_result(struct binder *binder, const struct target *targets, int count)
{
  binder->statement->columns = (struct target *)(uintptr_t)targets;
  binder->statement->column_count = count;
  return 0;
}

static int bind_query_statement(struct binder *binder, const PgQuery__SelectStmt *select)
{
  struct statement *statement = binder->statement;
  struct select_options options = {0};
  bool is_correlated;
  int status = bind_select(binder, select, &options, &statement->query, &is_correlated);
  if (statement->part_count)
    statement->kind = STATEMENT_WITH;
  return status ? status : bind_result(binder, statement->query->targets, statement->query->visible_count);
}

static int bind_tree(struct binder *binder, const PgQuery__Node *tree)
{
  static const struct select_options top;
  switch (tree->node_case) {
  case PG_QUERY__NODE__NODE_SELECT_STMT:
    binder->statement->kind = STATEMENT_SELECT;
    return bind_query_statement(binder, tree->select_stmt);
  case PG_QUERY__NODE__NODE_INSERT_STMT: return bind_insert(binder, tree->insert_stmt, &top);
  case PG_QUERY__NODE__NODE_UPDATE_STMT: return bind_update(binder, tree->update_stmt, &top);
  case PG_QUERY__NODE__NODE_DELETE_STMT: return bind_delete(binder, tree->delete_stmt, &top);
  case PG_QUERY__NODE__NODE_MERGE_STMT: return bind_merge(binder, tree->merge_stmt);
  default:
    return bind_error(binder, -1, SQLSTATE_FEATURE_NOT_SUPPORTED,
                      "only SELECT, INSERT, UPDATE, DELETE and MERGE can stand here");
  }
}

static int bind_all(struct binder *binder)
{
  const struct bind_input *input = binder->input;
  if (!grow_parameters(binder, input->parameter_count))
    return binder->error->status;
  for (int i = 0; i < input->parameter_count; i++)
    binder->statement->parameters[i] = input->parameters[i];
  if (!input->parsed->node)
    return bind_error(binder, -1, SQLSTATE_SYNTAX_ERROR, "the statement is empty");
  int status = bind_tree(binder, input->parsed->node);
  if (!status)
    status = settle_parameters(binder);
  struct modification *modification = binder->statement->modification;
  if (!status && modification)
    status = bind_result(binder, modification->returning, modification->returning_count);
  if (!status && modification)
    bind_settle_levels(binder);
  return status ? status : bind_check_rights(binder);
}

int bind_statement(const struct bind_input *input, struct statement **statement, struct error *error)
{
  struct error own;
  struct binder binder;
  error_clear(error ? error : &own);
  if (!new_statement(&binder, input, error ? error : &own))
    return error_memory(error);
  int status = bind_all(&binder);
  if (status == 0) {
    *statement = binder.statement;
    return 0;
  }
  statement_release(binder.statement);
  bool is_memory = strcmp(binder.error->sqlstate, SQLSTATE_OUT_OF_MEMORY) == 0;
  return input->parameters_are_literals && !is_memory ? STATUS_LONG : status;
}

void statement_release(struct statement *statement)
{
  for (int i = 0; i < statement->relation_count; i++)
    relation_unpin(statement->relations[i]);
  statement->relation_count = 0;
}

// tree NULL: the text's.
static int bind_over(const struct bind_input *input, const struct relation *relation, const PgQuery__Node *tree,
                     const char *text, struct type want, struct node **node, struct error *error)
{
  struct error own;
  struct binder binder;
  error_clear(error ? error : &own);
  if (!new_statement(&binder, input, error ? error : &own))
    return error_memory(error);
  binder.has_positions = tree != NULL;
  binder.no_parameters = "an expression of a definition";
  static const enum clause clauses[] = {CLAUSE_DEFAULT, CLAUSE_INDEX, CLAUSE_PREDICATE, CLAUSE_GENERATED};
  struct scope scope = {.clause = clauses[input->place], .group_range = -1};
  int status = 0;
  if (relation) {
    int range = bind_relation_range(&binder, RANGE_ROW, relation, relation->name);
    status = range < 0 ? range : bind_add_item(&binder, &scope.items, relation->name, NULL, range, -1);
  }
  struct parse *parse = NULL;
  struct node *bound = NULL;
  if (!status) {
    if (!tree)
      tree = parse_expression(input->arena, text, &parse, binder.error);
    bound = tree ? bind_expr(&binder, &scope, tree) : NULL;
  }
  if (bound && want.id != TYPE_UNKNOWN)
    bound = bind_cast(&binder, bound, want, CAST_ASSIGNMENT);
  parse_close(parse);
  statement_release(binder.statement);
  if (!bound)
    return binder.error->status;
  *node = bound;
  return 0;
}

int bind_expression(const struct bind_input *input, const struct relation *relation, const char *text, struct type want,
                    struct node **node, struct error *error)
{
  return bind_over(input, relation, NULL, text, want, node, error);
}

int bind_expression_tree(const struct bind_input *input, const struct relation *relation, const PgQuery__Node *tree,
                         struct type want, struct node **node, struct error *error)
{
  return bind_over(input, relation, tree, NULL, want, node, error);
}

// What a row has before its generated columns are computed.
struct given {
  const struct relation *relation;
  const char *generated; // the one that was found
};

static bool is_given(const struct node *node, void *context)
{
  struct given *given = context;
  const struct column *columns = given->relation->schema.columns;
  if (node->kind != NODE_COLUMN || node->column < 0 || !columns[node->column].is_generated)
    return true;
  given->generated = columns[node->column].name;
  return false;
}

int bind_row_condition(const struct bind_input *input, const struct relation *relation, const PgQuery__Node *tree,
                       const struct program **program, struct error *error)
{
  struct error own;
  struct binder binder;
  error_clear(error ? error : &own);
  if (!new_statement(&binder, input, error ? error : &own))
    return error_memory(error);
  binder.no_parameters = "COPY";
  struct scope scope = {.clause = CLAUSE_COPY, .group_range = -1};
  int range = bind_relation_range(&binder, RANGE_ROW, relation, relation->name);
  int status = range < 0 ? range : bind_add_item(&binder, &scope.items, relation->name, NULL, range, -1);
  struct node *node = status ? NULL : bind_condition(&binder, &scope, tree, CLAUSE_COPY, "WHERE");
  struct given given = {.relation = relation};
  if (node && !node_walk(node, is_given, &given)) {
    (void)!error_set(binder.error, SQLSTATE_INVALID_COLUMN_REFERENCE,
                     "generated columns are not supported in COPY FROM WHERE conditions");
    error_detail(binder.error, "Column \"%s\" is a generated column.", given.generated);
    node = NULL;
  }
  statement_release(binder.statement);
  if (!node)
    return binder.error->status;
  *program = program_compile(node, input->arena, error);
  return *program ? 0 : error ? (int)error->status : STATUS_INPUT;
}

int bind_compile(const struct bind_input *input, const struct relation *relation, const char *text, struct type want,
                 struct expression_text *compiled, struct error *error)
{
  struct node *node;
  int status = bind_expression(input, relation, text, want, &node, error);
  if (status)
    return status;
  compiled->node = node;
  compiled->program = program_compile(node, input->arena, error);
  return compiled->program ? 0 : error ? (int)error->status : STATUS_INPUT;
}

// --- Back to text ----------------------------------------------------------------------------------

int bind_deparse_query(const PgQuery__Node *query, struct arena *arena, const char **text, struct error *error)
{
  PgQuery__RawStmt raw = PG_QUERY__RAW_STMT__INIT;
  raw.stmt = (PgQuery__Node *)(uintptr_t)query;
  PgQuery__RawStmt *statements[] = {&raw};
  PgQuery__ParseResult tree = PG_QUERY__PARSE_RESULT__INIT;
  tree.n_stmts = 1;
  tree.stmts = statements;

  size_t size = pg_query__parse_result__get_packed_size(&tree);
  uint8_t *packed = malloc(size);
  char mark[PARENTHESES_MARK];
  if (packed)
    pg_query__parse_result__pack(&tree, packed);
  if (!packed || !parentheses_put(&packed, &size, mark)) {
    free(packed);
    return error_memory(error);
  }
  PgQueryDeparseResult result = pg_query_deparse_protobuf((PgQueryProtobuf){.data = (char *)packed, .len = size});
  free(packed);
  int status = 0;
  if (result.error) {
    status = error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED, "%s", result.error->message);
  } else {
    parentheses_finish(result.query, mark);
    if (!(*text = arena_string(arena, result.query)))
      status = error_memory(error);
  }
  pg_query_free_deparse_result(result);
  return status;
}

int bind_deparse(const PgQuery__Node *node, struct arena *arena, const char **text, struct error *error)
{
  PgQuery__ResTarget target = PG_QUERY__RES_TARGET__INIT;
  target.name = (char *)(uintptr_t)protobuf_c_empty_string;
  target.val = (PgQuery__Node *)(uintptr_t)node;
  PgQuery__Node target_node = PG_QUERY__NODE__INIT;
  target_node.node_case = PG_QUERY__NODE__NODE_RES_TARGET;
  target_node.res_target = &target;
  PgQuery__Node *targets[] = {&target_node};
  PgQuery__SelectStmt select = PG_QUERY__SELECT_STMT__INIT;
  select.n_target_list = 1;
  select.target_list = targets;
  select.limit_option = PG_QUERY__LIMIT_OPTION__LIMIT_OPTION_DEFAULT;
  select.op = PG_QUERY__SET_OPERATION__SETOP_NONE;
  PgQuery__Node select_node = PG_QUERY__NODE__INIT;
  select_node.node_case = PG_QUERY__NODE__NODE_SELECT_STMT;
  select_node.select_stmt = &select;
  static const char prefix[] = "SELECT ";
  int status = bind_deparse_query(&select_node, arena, text, error);
  if (!status && strncmp(*text, prefix, strlen(prefix)) != 0)
    status = error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED, "the expression has no text");
  if (!status)
    *text += strlen(prefix);
  return status;
}
