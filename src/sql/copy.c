// COPY: its options, and the statements that it runs underneath.
//
// COPY t (a, b) FROM STDIN inserts by INSERT INTO t (a, b) VALUES ($1, $2), COPY t TO STDOUT writes what SELECT * FROM t
// gives: both are bound from text like any other, so that names, rights, defaults and sources mean the same.
#include "sql/copy.h"

#include "base/limits.h"
#include "base/sqlstate.h"

static int copy_error(const struct bind_input *input, int32_t location, int status, struct error *error)
{
  error_position(error, location < 0 ? 0 : parse_position(input->text, location));
  return status;
}

// --- Options ------------------------------------------------------------------------------------------------

struct option_state {
  const struct bind_input *input;
  struct copy_options *options;
  const char *null, *delimiter, *quote, *escape; // as given; NULL: not
  const PgQuery__DefElem *force_quote, *force_not_null, *force_null; // NULL: not given
  bool is_from;
  bool has_format, has_header, has_freeze, has_encoding;
  struct error *error;
};

static const char *option_text(struct arena *arena, const PgQuery__Node *value)
{
  if (!value)
    return NULL;
  switch (value->node_case) {
  case PG_QUERY__NODE__NODE_STRING: return arena_string(arena, value->string->sval);
  case PG_QUERY__NODE__NODE_INTEGER: return arena_format(arena, "%d", value->integer->ival);
  case PG_QUERY__NODE__NODE_FLOAT: return arena_string(arena, value->float_->fval);
  case PG_QUERY__NODE__NODE_BOOLEAN: return value->boolean->boolval ? "true" : "false";
  default: return NULL;
  }
}

static int needs_text(struct option_state *state, const PgQuery__DefElem *option, const char **text)
{
  *text = option_text(state->input->arena, option->arg);
  if (*text)
    return 0;
  return error_set(state->error, SQLSTATE_SYNTAX_ERROR, "%s requires a parameter", option->defname);
}

static int duplicate(struct option_state *state, const PgQuery__DefElem *option)
{
  int status = error_set(state->error, SQLSTATE_SYNTAX_ERROR, "conflicting or redundant options");
  return copy_error(state->input, option->location, status, state->error);
}

static int take_text(struct option_state *state, const PgQuery__DefElem *option, const char **text)
{
  return *text ? duplicate(state, option) : needs_text(state, option, text);
}

static int take_format(struct option_state *state, const PgQuery__DefElem *option)
{
  const char *format;
  int status = state->has_format ? duplicate(state, option) : needs_text(state, option, &format);
  if (status)
    return status;
  state->has_format = true;
  state->options->is_csv = strcmp(format, "csv") == 0;
  state->options->is_binary = strcmp(format, "binary") == 0;
  if (state->options->is_csv || state->options->is_binary || strcmp(format, "text") == 0)
    return 0;
  status = error_set(state->error, SQLSTATE_INVALID_PARAMETER_VALUE, "COPY format \"%s\" not recognized", format);
  return copy_error(state->input, option->location, status, state->error);
}

static bool read_flag(const char *text, bool *flag)
{
  static const char *const yes[] = {"true", "on", "1", NULL}, *const no[] = {"false", "off", "0", NULL};
  for (int i = 0; yes[i]; i++)
    if (strcasecmp(text, yes[i]) == 0)
      return *flag = true;
  for (int i = 0; no[i]; i++)
    if (strcasecmp(text, no[i]) == 0)
      return !(*flag = false);
  return false;
}

static int take_header(struct option_state *state, const PgQuery__DefElem *option)
{
  if (state->has_header)
    return duplicate(state, option);
  state->has_header = state->options->header = true;
  if (!option->arg)
    return 0;
  const char *text = option_text(state->input->arena, option->arg);
  if (text && strcasecmp(text, "match") == 0) {
    state->options->header_match = true;
    if (!state->is_from)
      return error_set(state->error, SQLSTATE_FEATURE_NOT_SUPPORTED, "cannot use \"match\" with HEADER in COPY TO");
    return 0;
  }
  if (text && read_flag(text, &state->options->header))
    return 0;
  return error_set(state->error, SQLSTATE_SYNTAX_ERROR, "%s requires a Boolean value or \"match\"", option->defname);
}

static int take_freeze(struct option_state *state, const PgQuery__DefElem *option)
{
  bool flag;
  if (state->has_freeze)
    return duplicate(state, option);
  state->has_freeze = true;
  const char *text = option_text(state->input->arena, option->arg);
  if (!option->arg || (text && read_flag(text, &flag)))
    return 0;
  return error_set(state->error, SQLSTATE_SYNTAX_ERROR, "%s requires a Boolean value", option->defname);
}

static int take_encoding(struct option_state *state, const PgQuery__DefElem *option)
{
  const char *text;
  int status = state->has_encoding ? duplicate(state, option) : needs_text(state, option, &text);
  state->has_encoding = true;
  if (status || strcasecmp(text, "utf8") == 0 || strcasecmp(text, "utf-8") == 0 || strcasecmp(text, "unicode") == 0)
    return status;
  status = error_set(state->error, SQLSTATE_INVALID_PARAMETER_VALUE,
                     "argument to option \"encoding\" must be a valid encoding name");
  return copy_error(state->input, option->location, status, state->error);
}

// A list of columns, or for FORCE_QUOTE a star: looked at when it is known which columns there are.
static int take_columns(struct option_state *state, const PgQuery__DefElem *option, bool may_be_all,
                        const PgQuery__DefElem **columns)
{
  if (*columns)
    return duplicate(state, option);
  *columns = option;
  bool is_all = option->arg && option->arg->node_case == PG_QUERY__NODE__NODE_A_STAR;
  if (option->arg && (option->arg->node_case == PG_QUERY__NODE__NODE_LIST || (is_all && may_be_all)))
    return 0;
  int status = error_set(state->error, SQLSTATE_INVALID_PARAMETER_VALUE,
                         "argument to option \"%s\" must be a list of column names", option->defname);
  return copy_error(state->input, option->location, status, state->error);
}

static int take_option(struct option_state *state, const PgQuery__DefElem *option)
{
  const char *name = option->defname;
  if (strcmp(name, "format") == 0)
    return take_format(state, option);
  if (strcmp(name, "freeze") == 0)
    return take_freeze(state, option);
  if (strcmp(name, "header") == 0)
    return take_header(state, option);
  if (strcmp(name, "encoding") == 0)
    return take_encoding(state, option);
  if (strcmp(name, "delimiter") == 0)
    return take_text(state, option, &state->delimiter);
  if (strcmp(name, "null") == 0)
    return take_text(state, option, &state->null);
  if (strcmp(name, "quote") == 0)
    return take_text(state, option, &state->quote);
  if (strcmp(name, "escape") == 0)
    return take_text(state, option, &state->escape);
  if (strcmp(name, "force_quote") == 0)
    return take_columns(state, option, true, &state->force_quote);
  if (strcmp(name, "force_not_null") == 0)
    return take_columns(state, option, false, &state->force_not_null);
  if (strcmp(name, "force_null") == 0)
    return take_columns(state, option, false, &state->force_null);
  int status = error_set(state->error, SQLSTATE_SYNTAX_ERROR, "option \"%s\" not recognized", name);
  return copy_error(state->input, option->location, status, state->error);
}

static int one_byte(struct option_state *state, const char *what, const char *text, char *to)
{
  if (!text)
    return 0;
  if (strlen(text) != 1)
    return error_set(state->error, SQLSTATE_FEATURE_NOT_SUPPORTED, "COPY %s must be a single one-byte character", what);
  *to = text[0];
  return 0;
}

static int check_forced(const struct option_state *state)
{
  const char *reason = NULL;
  bool is_csv = state->options->is_csv;
  if (state->force_quote)
    reason = !is_csv          ? "COPY force quote available only in CSV mode"
             : state->is_from ? "COPY force quote only available using COPY TO"
                              : NULL;
  if (state->force_not_null && !reason)
    reason = !is_csv           ? "COPY force not null available only in CSV mode"
             : !state->is_from ? "COPY force not null only available using COPY FROM"
                               : NULL;
  if (state->force_null && !reason)
    reason = !is_csv           ? "COPY force null available only in CSV mode"
             : !state->is_from ? "COPY force null only available using COPY FROM"
                               : NULL;
  return reason ? error_set(state->error, SQLSTATE_FEATURE_NOT_SUPPORTED, "%s", reason) : 0;
}

// PostgreSQL's rules for options that do not go together.
static int check_options(struct option_state *state)
{
  struct copy_options *options = state->options;
  struct error *error = state->error;
  if (options->delimiter == '\n' || options->delimiter == '\r')
    return error_set(error, SQLSTATE_INVALID_PARAMETER_VALUE, "COPY delimiter cannot be newline or carriage return");
  if (strpbrk(options->null, "\r\n"))
    return error_set(error, SQLSTATE_INVALID_PARAMETER_VALUE,
                     "COPY null representation cannot use newline or carriage return");
  if (!options->is_csv && strchr("\\.abcdefghijklmnopqrstuvwxyz0123456789", options->delimiter))
    return error_set(error, SQLSTATE_INVALID_PARAMETER_VALUE, "COPY delimiter cannot be \"%c\"", options->delimiter);
  if (options->is_binary && options->header)
    return error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED, "cannot specify HEADER in BINARY mode");
  if (!options->is_csv && state->quote)
    return error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED, "COPY quote available only in CSV mode");
  if (!options->is_csv && state->escape)
    return error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED, "COPY escape available only in CSV mode");
  if (options->is_csv && options->delimiter == options->quote)
    return error_set(error, SQLSTATE_INVALID_PARAMETER_VALUE, "COPY delimiter and quote must be different");
  int status = check_forced(state);
  if (status)
    return status;
  if (strchr(options->null, options->delimiter))
    return error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED, "COPY delimiter must not appear in the NULL specification");
  if (options->is_csv && strchr(options->null, options->quote))
    return error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED,
                     "CSV quote character must not appear in the NULL specification");
  return 0;
}

static int read_options(struct option_state *state, const PgQuery__CopyStmt *tree)
{
  struct copy_options *options = state->options;
  int status = 0;
  for (size_t i = 0; i < tree->n_options && !status; i++)
    status = take_option(state, tree->options[i]->def_elem);
  if (!status && options->is_binary && state->delimiter)
    status = error_set(state->error, SQLSTATE_SYNTAX_ERROR, "cannot specify DELIMITER in BINARY mode");
  if (!status && options->is_binary && state->null)
    status = error_set(state->error, SQLSTATE_SYNTAX_ERROR, "cannot specify NULL in BINARY mode");
  options->delimiter = options->is_csv ? ',' : '\t';
  options->quote = '"';
  options->null = state->null ? state->null : options->is_csv ? "" : "\\N";
  if (!status)
    status = one_byte(state, "delimiter", state->delimiter, &options->delimiter);
  if (!status)
    status = one_byte(state, "quote", state->quote, &options->quote);
  options->escape = options->quote;
  if (!status)
    status = one_byte(state, "escape", state->escape, &options->escape);
  return status ? status : check_options(state);
}

// --- The statements underneath ------------------------------------------------------------------------------------

static void append_name(struct buffer *out, const char *name)
{
  buffer_append_u8(out, '"');
  for (; *name; name++) {
    if (*name == '"')
      buffer_append_u8(out, '"');
    buffer_append_u8(out, (uint8_t)*name);
  }
  buffer_append_u8(out, '"');
}

static void append_table(struct buffer *out, const PgQuery__RangeVar *name)
{
  if (name->schemaname && name->schemaname[0]) {
    append_name(out, name->schemaname);
    buffer_append_u8(out, '.');
  }
  append_name(out, name->relname);
}

// Binds a text of our own making; its positions mean nothing to the user.
static int bind_text(const struct bind_input *input, struct buffer *text, const struct type *types, int count,
                     struct statement **statement, struct error *error)
{
  if (text->failed)
    return error_memory(error);
  struct parse *parse = parse_open(buffer_bytes(text), error);
  int status = parse ? 0 : (int)error->status;
  if (!status) {
    struct bind_input bind = *input;
    bind.parsed = &parse->statements[0];
    bind.text = parse->text;
    bind.parameters = types;
    bind.parameter_count = count;
    bind.source = NULL;
    status = bind_statement(&bind, statement, error);
  }
  if (status)
    error_position(error, 0);
  parse_close(parse);
  return status;
}

static const char *string_of(const PgQuery__Node *node)
{
  return node->node_case == PG_QUERY__NODE__NODE_STRING ? node->string->sval : "";
}

// The columns that are named, or all.
static int find_columns(const struct bind_input *input, const PgQuery__CopyStmt *tree, const struct relation *relation,
                        struct copy *copy, struct error *error)
{
  copy->columns = ARENA_ARRAY(input->arena, int, relation->schema.column_count + (int)tree->n_attlist + 1);
  if (!copy->columns)
    return error_memory(error);
  for (int i = 0; i < relation->schema.column_count && tree->n_attlist == 0; i++)
    if (!relation->schema.columns[i].is_dropped && !relation->schema.columns[i].is_generated)
      copy->columns[copy->column_count++] = i;
  for (size_t i = 0; i < tree->n_attlist; i++) {
    const char *name = string_of(tree->attlist[i]);
    int column = relation_column(relation, name);
    if (column < 0)
      return error_set(error, SQLSTATE_UNDEFINED_COLUMN, "column \"%s\" of relation \"%s\" does not exist", name,
                       relation->name);
    if (relation->schema.columns[column].is_generated) {
      int status = error_set(error, SQLSTATE_INVALID_COLUMN_REFERENCE, "column \"%s\" is a generated column", name);
      error_detail(error, "Generated columns cannot be used in COPY.");
      return status;
    }
    for (int j = 0; j < copy->column_count; j++)
      if (copy->columns[j] == column)
        return error_set(error, SQLSTATE_DUPLICATE_COLUMN, "column \"%s\" specified more than once", name);
    copy->columns[copy->column_count++] = column;
  }
  return 0;
}

// *relation is NULL for a system table, which COPY TO may read.
static int find_relation(const struct bind_input *input, const PgQuery__CopyStmt *tree,
                         const struct relation **relation, struct error *error)
{
  const PgQuery__RangeVar *name = tree->relation;
  struct name_scope scope = {
      .role = input->settings->role,
      .search_path = input->settings->search_path,
      .search_path_count = input->settings->search_path_count,
      .temporary = settings_temporary(input->settings),
      .mark = input->mark,
  };
  return catalog_find(input->catalog, input->version, &scope,
                      name->schemaname && name->schemaname[0] ? name->schemaname : NULL, name->relname, NULL,
                      RIGHT_NONE, !tree->is_from, relation, error); // what runs underneath asks
}

// --- FORCE_QUOTE and its kin: which columns of the file ---------------------------------------------------------------

static const char *file_column(const struct copy *copy, int i)
{
  return copy->relation && copy->column_count ? copy->relation->schema.columns[copy->columns[i]].name
                                              : copy->select->columns[i].name;
}

static int find_forced(const struct copy *copy, int count, const char *name, const char *option, struct error *error)
{
  for (int i = 0; i < count; i++)
    if (strcmp(file_column(copy, i), name) == 0)
      return i;
  if (!copy->relation)
    return error_set(error, SQLSTATE_UNDEFINED_COLUMN, "column \"%s\" does not exist", name);
  if (relation_column(copy->relation, name) < 0)
    return error_set(error, SQLSTATE_UNDEFINED_COLUMN, "column \"%s\" of relation \"%s\" does not exist", name,
                     copy->relation->name);
  return error_set(error, SQLSTATE_INVALID_COLUMN_REFERENCE, "%s column \"%s\" not referenced by COPY", option, name);
}

static int mark_forced(const struct option_state *state, const struct copy *copy, const PgQuery__DefElem *option,
                       const char *name, const bool **forced)
{
  if (!option)
    return 0;
  int count = copy->select ? copy->select->column_count : copy->column_count;
  bool is_all = option->arg->node_case == PG_QUERY__NODE__NODE_A_STAR;
  bool *marks = ARENA_ARRAY(state->input->arena, bool, count + 1);
  *forced = marks;
  if (!marks)
    return error_memory(state->error);
  for (int i = 0; i < count; i++)
    marks[i] = is_all;
  for (size_t i = 0; !is_all && i < option->arg->list->n_items; i++) {
    const char *column = string_of(option->arg->list->items[i]);
    int found = find_forced(copy, count, column, name, state->error);
    if (found < 0)
      return found;
    if (marks[found])
      return error_set(state->error, SQLSTATE_DUPLICATE_COLUMN, "column \"%s\" specified more than once", column);
    marks[found] = true;
  }
  return 0;
}

static int mark_all_forced(const struct option_state *state, struct copy *copy)
{
  struct copy_options *options = &copy->options;
  int status = mark_forced(state, copy, state->force_quote, "FORCE_QUOTE", &options->force_quote);
  if (!status)
    status = mark_forced(state, copy, state->force_not_null, "FORCE_NOT_NULL", &options->force_not_null);
  return status ? status : mark_forced(state, copy, state->force_null, "FORCE_NULL", &options->force_null);
}

// --- Tables and queries -----------------------------------------------------------------------------------------

static int bind_from_stdin(const struct bind_input *input, const PgQuery__CopyStmt *tree, struct copy *copy,
                           struct error *error)
{
  const struct relation *relation = copy->relation;
  struct type *types = ARENA_ARRAY(input->arena, struct type, copy->column_count + 1);
  if (!types)
    return error_memory(error);
  struct buffer text = {0};
  buffer_append_string(&text, "INSERT INTO ");
  append_table(&text, tree->relation);
  for (int i = 0; i < copy->column_count; i++) {
    buffer_append_string(&text, i ? ", " : " (");
    append_name(&text, relation->schema.columns[copy->columns[i]].name);
    types[i] = relation->schema.columns[copy->columns[i]].type;
  }
  buffer_append_string(&text, copy->column_count ? ") OVERRIDING SYSTEM VALUE VALUES (" : " DEFAULT VALUES");
  for (int i = 0; i < copy->column_count; i++)
    buffer_format(&text, "%s$%d", i ? ", " : "", i + 1);
  if (copy->column_count)
    buffer_append_u8(&text, ')');
  int status = bind_text(input, &text, types, copy->column_count, &copy->insert, error);
  buffer_deinit(&text);
  if (status || !tree->where_clause)
    return status;
  return bind_row_condition(input, relation, tree->where_clause, &copy->where, error);
}

static int bind_to_stdout(const struct bind_input *input, const PgQuery__CopyStmt *tree, struct copy *copy,
                          struct error *error)
{
  struct buffer text = {0};
  buffer_append_string(&text, "SELECT ");
  for (size_t i = 0; i < tree->n_attlist; i++) {
    buffer_append_string(&text, i ? ", " : "");
    append_name(&text, string_of(tree->attlist[i]));
  }
  bool names_all = !tree->n_attlist && copy->relation && copy->relation->has_generated;
  for (int i = 0; i < copy->column_count && names_all; i++) {
    buffer_append_string(&text, i ? ", " : "");
    append_name(&text, copy->relation->schema.columns[copy->columns[i]].name);
  }
  buffer_append_string(&text, tree->n_attlist || names_all ? " FROM " : "* FROM ");
  append_table(&text, tree->relation);
  int status = bind_text(input, &text, NULL, 0, &copy->select, error);
  buffer_deinit(&text);
  return status;
}

// Views and sequences: 42809, in PostgreSQL's words.
static int refuse_kind(const struct relation *relation, bool is_from, struct error *error)
{
  bool is_view = relation->kind == RELATION_VIEW;
  if (!is_view && relation->kind != RELATION_SEQUENCE)
    return 0;
  int status = error_set(error, SQLSTATE_WRONG_OBJECT_TYPE, "cannot copy %s %s \"%s\"", is_from ? "to" : "from",
                         is_view ? "view" : "sequence", relation->name);
  if (is_view && is_from)
    error_hint(error, "To enable copying to a view, provide an INSTEAD OF INSERT trigger.");
  else if (is_view)
    error_hint(error, "Try the COPY (SELECT ...) TO variant.");
  return status;
}

static int bind_table(const struct bind_input *input, const PgQuery__CopyStmt *tree, struct copy *copy,
                      struct error *error)
{
  const struct relation *relation;
  int status = find_relation(input, tree, &relation, error);
  if (!status && relation)
    status = refuse_kind(relation, copy->is_from, error);
  if (!status && relation)
    status = find_columns(input, tree, relation, copy, error);
  if (status)
    return status;
  copy->relation = relation;
  return copy->is_from ? bind_from_stdin(input, tree, copy, error) : bind_to_stdout(input, tree, copy, error);
}

static int bind_query(const struct bind_input *input, const PgQuery__CopyStmt *tree, struct copy *copy,
                      struct error *error)
{
  const PgQuery__Node *query = tree->query;
  if (query->node_case == PG_QUERY__NODE__NODE_MERGE_STMT)
    return error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED, "MERGE not supported in COPY");
  if (query->node_case == PG_QUERY__NODE__NODE_SELECT_STMT && query->select_stmt->into_clause)
    return error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED, "COPY (SELECT INTO) is not supported");
  struct parsed parsed = *input->parsed;
  parsed.node = tree->query;
  struct bind_input bind = *input;
  bind.parsed = &parsed;
  int status = bind_statement(&bind, &copy->select, error);
  if (status || !copy->select->modification || copy->select->column_count)
    return status;
  return error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED, "COPY query must have a RETURNING clause");
}

int copy_bind(const struct bind_input *input, struct copy **result, struct error *error)
{
  const PgQuery__CopyStmt *tree = input->parsed->node->copy_stmt;
  struct copy *copy = ARENA_NEW(input->arena, struct copy);
  if (!copy)
    return error_memory(error);
  copy->is_from = tree->is_from;
  struct option_state state = {.input = input, .options = &copy->options, .is_from = tree->is_from, .error = error};
  int status = read_options(&state, tree);
  if (status)
    return status;
  if (tree->is_program || (tree->filename && tree->filename[0])) {
    status = error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED, "COPY %s a %s is not supported",
                           tree->is_from ? "from" : "to", tree->is_program ? "program" : "file");
    error_hint(error,
               "COPY to stdout and from stdin is there for anyone. psql's \\copy command also works for anyone.");
    return status;
  }
  if (!status)
    status = tree->query ? bind_query(input, tree, copy, error) : bind_table(input, tree, copy, error);
  if (!status)
    status = mark_all_forced(&state, copy);
  if (!status)
    *result = copy;
  else
    copy_release(copy);
  return status;
}

void copy_release(struct copy *copy)
{
  if (copy->insert)
    statement_release(copy->insert);
  if (copy->select)
    statement_release(copy->select);
}
