// Statements that are not queries: which is which, their tags, and who runs them.
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>

#include "sql/scan.h"
#include "sql/system_internal.h"
#include "sql/utility_internal.h"

// --- Which is which -----------------------------------------------------------------------------------------

// A sink's own statements are those of a view, in the grammar.
static enum utility_kind kind_of_sink(const PgQuery__Node *node)
{
  switch (node->node_case) {
  case PG_QUERY__NODE__NODE_CREATE_TABLE_AS_STMT: return UTILITY_DEFINITION;
  case PG_QUERY__NODE__NODE_ALTER_TABLE_STMT:
    return node->alter_table_stmt->objtype == PG_QUERY__OBJECT_TYPE__OBJECT_VIEW ? UTILITY_DEFINITION : UTILITY_UNKNOWN;
  case PG_QUERY__NODE__NODE_RENAME_STMT:
    return node->rename_stmt->rename_type == PG_QUERY__OBJECT_TYPE__OBJECT_VIEW ? UTILITY_DEFINITION : UTILITY_UNKNOWN;
  case PG_QUERY__NODE__NODE_DROP_STMT: return UTILITY_DEFINITION;
  default: return UTILITY_UNKNOWN;
  }
}

static enum utility_kind kind_of_drop(const PgQuery__DropStmt *drop)
{
  bool is_ours = drop->remove_type == PG_QUERY__OBJECT_TYPE__OBJECT_TABLE ||
                 drop->remove_type == PG_QUERY__OBJECT_TYPE__OBJECT_VIEW ||
                 drop->remove_type == PG_QUERY__OBJECT_TYPE__OBJECT_SCHEMA ||
                 drop->remove_type == PG_QUERY__OBJECT_TYPE__OBJECT_SEQUENCE ||
                 drop->remove_type == PG_QUERY__OBJECT_TYPE__OBJECT_INDEX;
  return is_ours ? UTILITY_DEFINITION : UTILITY_UNKNOWN;
}

static enum utility_kind kind_of_rename(const PgQuery__RenameStmt *rename)
{
  switch (rename->rename_type) {
  case PG_QUERY__OBJECT_TYPE__OBJECT_TABLE:
  case PG_QUERY__OBJECT_TYPE__OBJECT_VIEW:
  case PG_QUERY__OBJECT_TYPE__OBJECT_SCHEMA:
  case PG_QUERY__OBJECT_TYPE__OBJECT_INDEX:
  case PG_QUERY__OBJECT_TYPE__OBJECT_SEQUENCE:
  case PG_QUERY__OBJECT_TYPE__OBJECT_ROLE:
  case PG_QUERY__OBJECT_TYPE__OBJECT_TABCONSTRAINT: return UTILITY_DEFINITION;
  case PG_QUERY__OBJECT_TYPE__OBJECT_COLUMN:
    return rename->relation_type == PG_QUERY__OBJECT_TYPE__OBJECT_TABLE ||
                   rename->relation_type == PG_QUERY__OBJECT_TYPE__OBJECT_VIEW
               ? UTILITY_DEFINITION
               : UTILITY_UNKNOWN;
  default: return UTILITY_UNKNOWN;
  }
}

static bool is_owner_change(const PgQuery__AlterTableStmt *alter)
{
  return alter->n_cmds == 1 &&
         alter->cmds[0]->alter_table_cmd->subtype == PG_QUERY__ALTER_TABLE_TYPE__AT_ChangeOwner;
}

static enum utility_kind kind_of_alter(const PgQuery__AlterTableStmt *alter)
{
  bool is_known = alter->objtype == PG_QUERY__OBJECT_TYPE__OBJECT_TABLE ||
                  alter->objtype == PG_QUERY__OBJECT_TYPE__OBJECT_INDEX ||
                  alter->objtype == PG_QUERY__OBJECT_TYPE__OBJECT_VIEW ||
                  (alter->objtype == PG_QUERY__OBJECT_TYPE__OBJECT_SEQUENCE && is_owner_change(alter));
  return is_known ? UTILITY_DEFINITION : UTILITY_UNKNOWN;
}

enum utility_kind utility_kind(const struct parsed *parsed)
{
  const PgQuery__Node *node = parsed->node;
  if (parsed->form == FORM_SINK)
    return kind_of_sink(node);
  if (type_tag(node))
    return UTILITY_DEFINITION;
  switch (node->node_case) {
  case PG_QUERY__NODE__NODE_SELECT_STMT: return node->select_stmt->into_clause ? UTILITY_DEFINITION : UTILITY_NONE;
  case PG_QUERY__NODE__NODE_CREATE_TABLE_AS_STMT:
    return node->create_table_as_stmt->objtype == PG_QUERY__OBJECT_TYPE__OBJECT_TABLE ? UTILITY_DEFINITION
                                                                                     : UTILITY_UNKNOWN;
  case PG_QUERY__NODE__NODE_INSERT_STMT:
  case PG_QUERY__NODE__NODE_UPDATE_STMT:
  case PG_QUERY__NODE__NODE_DELETE_STMT:
  case PG_QUERY__NODE__NODE_MERGE_STMT: return UTILITY_NONE;
  case PG_QUERY__NODE__NODE_CREATE_STMT:
  case PG_QUERY__NODE__NODE_CREATE_SEQ_STMT:
  case PG_QUERY__NODE__NODE_ALTER_SEQ_STMT:
  case PG_QUERY__NODE__NODE_INDEX_STMT:
  case PG_QUERY__NODE__NODE_VIEW_STMT:
  case PG_QUERY__NODE__NODE_CREATE_SCHEMA_STMT:
  case PG_QUERY__NODE__NODE_COMMENT_STMT:
  case PG_QUERY__NODE__NODE_ALTER_OWNER_STMT:
  case PG_QUERY__NODE__NODE_ALTER_OBJECT_SCHEMA_STMT:
  case PG_QUERY__NODE__NODE_TRUNCATE_STMT:
  case PG_QUERY__NODE__NODE_CREATE_ROLE_STMT:
  case PG_QUERY__NODE__NODE_ALTER_ROLE_STMT:
  case PG_QUERY__NODE__NODE_ALTER_ROLE_SET_STMT:
  case PG_QUERY__NODE__NODE_ALTER_DATABASE_SET_STMT:
  case PG_QUERY__NODE__NODE_DROP_ROLE_STMT:
  case PG_QUERY__NODE__NODE_GRANT_ROLE_STMT:
  case PG_QUERY__NODE__NODE_GRANT_STMT:
  case PG_QUERY__NODE__NODE_ALTER_DEFAULT_PRIVILEGES_STMT:
  case PG_QUERY__NODE__NODE_REASSIGN_OWNED_STMT:
  case PG_QUERY__NODE__NODE_DROP_OWNED_STMT:
  case PG_QUERY__NODE__NODE_LISTEN_STMT:
  case PG_QUERY__NODE__NODE_UNLISTEN_STMT:
  case PG_QUERY__NODE__NODE_NOTIFY_STMT:
  case PG_QUERY__NODE__NODE_CONSTRAINTS_SET_STMT: return UTILITY_DEFINITION;
  case PG_QUERY__NODE__NODE_ALTER_TABLE_STMT: return kind_of_alter(node->alter_table_stmt);
  case PG_QUERY__NODE__NODE_RENAME_STMT: return kind_of_rename(node->rename_stmt);
  case PG_QUERY__NODE__NODE_DROP_STMT: return kind_of_drop(node->drop_stmt);
  case PG_QUERY__NODE__NODE_CREATE_FUNCTION_STMT:
    return parsed->form == FORM_WORKFLOW ? UTILITY_DEFINITION : UTILITY_UNKNOWN;
  case PG_QUERY__NODE__NODE_VACUUM_STMT:
  case PG_QUERY__NODE__NODE_REINDEX_STMT:
  case PG_QUERY__NODE__NODE_CLUSTER_STMT:
  case PG_QUERY__NODE__NODE_CHECK_POINT_STMT: return UTILITY_IGNORED;
  case PG_QUERY__NODE__NODE_TRANSACTION_STMT: return UTILITY_TRANSACTION;
  case PG_QUERY__NODE__NODE_VARIABLE_SET_STMT: return UTILITY_SET;
  case PG_QUERY__NODE__NODE_VARIABLE_SHOW_STMT: return UTILITY_SHOW;
  case PG_QUERY__NODE__NODE_PREPARE_STMT: return UTILITY_PREPARE;
  case PG_QUERY__NODE__NODE_EXECUTE_STMT: return UTILITY_EXECUTE;
  case PG_QUERY__NODE__NODE_DEALLOCATE_STMT: return UTILITY_DEALLOCATE;
  case PG_QUERY__NODE__NODE_DECLARE_CURSOR_STMT: return UTILITY_DECLARE;
  case PG_QUERY__NODE__NODE_FETCH_STMT: return UTILITY_FETCH;
  case PG_QUERY__NODE__NODE_CLOSE_PORTAL_STMT: return UTILITY_CLOSE;
  case PG_QUERY__NODE__NODE_DISCARD_STMT:
    return node->discard_stmt->target == PG_QUERY__DISCARD_MODE__DISCARD_TEMP ? UTILITY_DEFINITION : UTILITY_DISCARD;
  case PG_QUERY__NODE__NODE_LOCK_STMT: return UTILITY_LOCK;
  case PG_QUERY__NODE__NODE_COPY_STMT: return UTILITY_COPY;
  case PG_QUERY__NODE__NODE_EXPLAIN_STMT: return UTILITY_EXPLAIN;
  default: return UTILITY_UNKNOWN;
  }
}

// Words that may stand between CREATE, ALTER or DROP and what it is about, and words that do not say it alone.
static bool is_among(const struct scan *scan, const char *const *words)
{
  for (; *words; words++)
    if (scan_is_word(scan, *words))
      return true;
  return false;
}

static void add_word(char *name, size_t size, const struct scan *scan)
{
  size_t at = strlen(name);
  if (at && at + 1 < size)
    name[at++] = ' ';
  for (size_t i = scan->start; i < scan->at && at + 1 < size; i++)
    name[at++] = (char)toupper(scan->text[i]);
  name[at] = 0;
}

// The command's name from the statement's first words: CREATE SEQUENCE, DROP MATERIALIZED VIEW, LISTEN.
static void command_name(struct bytes text, char *name, size_t size)
{
  static const char *const two[] = {"create", "alter", "drop",    "security", "refresh",
                                    "import", "lock",  "comment", NULL};
  static const char *const passed[] = {"or",    "replace",   "temp",    "temporary",  "unlogged",   "global",
                                       "local", "recursive", "trusted", "procedural", "constraint", NULL};
  static const char *const more[] = {"materialized", "foreign", "user", "event", "text", "access", "default", NULL};
  struct scan scan = {.text = text.data, .size = text.size};
  name[0] = 0;
  if (scan_next(&scan) == SCAN_WORD)
    add_word(name, size, &scan);
  if (!is_among(&scan, two))
    return;
  do
    scan_next(&scan);
  while (is_among(&scan, passed));
  if (scan.kind == SCAN_WORD)
    add_word(name, size, &scan);
  if (is_among(&scan, more) && scan_next(&scan) == SCAN_WORD)
    add_word(name, size, &scan);
}

int utility_unknown(const struct parsed *parsed, struct error *error)
{
  char name[64];
  command_name(parsed->text, name, sizeof name);
  int status = error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED, "%s is not supported", name);
  struct bytes whole = bytes_of(parsed->text.data - parsed->start, (size_t)parsed->start + parsed->text.size);
  error_position(error, parse_position(whole, parsed->start));
  return status;
}

const char *utility_form_kinds(enum statement_form form)
{
  static const char *const kinds[] = {
      [FORM_PLAIN] = "r", [FORM_SOURCE] = "f", [FORM_SINK] = "k", [FORM_WORKFLOW] = "w"};
  return kinds[form];
}

const char *utility_tag(const struct parsed *parsed)
{
  static const char *const create[] = {
      [FORM_PLAIN] = "CREATE TABLE", [FORM_SOURCE] = "CREATE SOURCE", [FORM_SINK] = "", [FORM_WORKFLOW] = ""};
  static const char *const alter[] = {[FORM_PLAIN] = "ALTER TABLE",
                                      [FORM_SOURCE] = "ALTER SOURCE",
                                      [FORM_SINK] = "ALTER SINK",
                                      [FORM_WORKFLOW] = "ALTER WORKFLOW"};
  static const char *const drop[] = {[FORM_PLAIN] = "DROP TABLE",
                                     [FORM_SOURCE] = "DROP SOURCE",
                                     [FORM_SINK] = "DROP SINK",
                                     [FORM_WORKFLOW] = "DROP WORKFLOW"};
  const PgQuery__Node *node = parsed->node;
  if (type_tag(node))
    return type_tag(node);
  switch (node->node_case) {
  case PG_QUERY__NODE__NODE_CREATE_STMT: return create[parsed->form];
  case PG_QUERY__NODE__NODE_CREATE_TABLE_AS_STMT: return parsed->form == FORM_SINK ? "CREATE SINK" : "CREATE TABLE AS";
  case PG_QUERY__NODE__NODE_SELECT_STMT: return "SELECT INTO";
  case PG_QUERY__NODE__NODE_CREATE_FUNCTION_STMT: return "CREATE WORKFLOW";
  case PG_QUERY__NODE__NODE_INDEX_STMT: return "CREATE INDEX";
  case PG_QUERY__NODE__NODE_VIEW_STMT: return "CREATE VIEW";
  case PG_QUERY__NODE__NODE_COMMENT_STMT: return "COMMENT";
  case PG_QUERY__NODE__NODE_CREATE_SCHEMA_STMT: return "CREATE SCHEMA";
  case PG_QUERY__NODE__NODE_ALTER_OWNER_STMT: return "ALTER SCHEMA";
  case PG_QUERY__NODE__NODE_ALTER_OBJECT_SCHEMA_STMT:
    return node->alter_object_schema_stmt->object_type == PG_QUERY__OBJECT_TYPE__OBJECT_VIEW       ? "ALTER VIEW"
           : node->alter_object_schema_stmt->object_type == PG_QUERY__OBJECT_TYPE__OBJECT_SEQUENCE ? "ALTER SEQUENCE"
                                                                                                   : "ALTER TABLE";
  case PG_QUERY__NODE__NODE_CREATE_SEQ_STMT: return "CREATE SEQUENCE";
  case PG_QUERY__NODE__NODE_ALTER_SEQ_STMT: return "ALTER SEQUENCE";
  case PG_QUERY__NODE__NODE_TRUNCATE_STMT: return "TRUNCATE TABLE";
  case PG_QUERY__NODE__NODE_CONSTRAINTS_SET_STMT: return "SET CONSTRAINTS";
  case PG_QUERY__NODE__NODE_LISTEN_STMT: return "LISTEN";
  case PG_QUERY__NODE__NODE_UNLISTEN_STMT: return "UNLISTEN";
  case PG_QUERY__NODE__NODE_NOTIFY_STMT: return "NOTIFY";
  case PG_QUERY__NODE__NODE_CREATE_ROLE_STMT: return "CREATE ROLE";
  case PG_QUERY__NODE__NODE_ALTER_ROLE_STMT:
  case PG_QUERY__NODE__NODE_ALTER_ROLE_SET_STMT: return "ALTER ROLE";
  case PG_QUERY__NODE__NODE_ALTER_DATABASE_SET_STMT: return "ALTER DATABASE";
  case PG_QUERY__NODE__NODE_DROP_ROLE_STMT: return "DROP ROLE";
  case PG_QUERY__NODE__NODE_ALTER_DEFAULT_PRIVILEGES_STMT: return "ALTER DEFAULT PRIVILEGES";
  case PG_QUERY__NODE__NODE_GRANT_STMT: return node->grant_stmt->is_grant ? "GRANT" : "REVOKE";
  case PG_QUERY__NODE__NODE_REASSIGN_OWNED_STMT: return "REASSIGN OWNED";
  case PG_QUERY__NODE__NODE_DROP_OWNED_STMT: return "DROP OWNED";
  case PG_QUERY__NODE__NODE_GRANT_ROLE_STMT: return node->grant_role_stmt->is_grant ? "GRANT ROLE" : "REVOKE ROLE";
  case PG_QUERY__NODE__NODE_ALTER_TABLE_STMT:
    if (node->alter_table_stmt->objtype == PG_QUERY__OBJECT_TYPE__OBJECT_SEQUENCE)
      return "ALTER SEQUENCE";
    if (node->alter_table_stmt->objtype == PG_QUERY__OBJECT_TYPE__OBJECT_INDEX)
      return "ALTER INDEX";
    if (node->alter_table_stmt->objtype == PG_QUERY__OBJECT_TYPE__OBJECT_VIEW && parsed->form == FORM_PLAIN)
      return "ALTER VIEW";
    return alter[parsed->form];
  case PG_QUERY__NODE__NODE_RENAME_STMT:
    if (node->rename_stmt->rename_type == PG_QUERY__OBJECT_TYPE__OBJECT_INDEX)
      return "ALTER INDEX";
    if (node->rename_stmt->rename_type == PG_QUERY__OBJECT_TYPE__OBJECT_SEQUENCE)
      return "ALTER SEQUENCE";
    if (parsed->form == FORM_PLAIN && (node->rename_stmt->rename_type == PG_QUERY__OBJECT_TYPE__OBJECT_VIEW ||
                                       node->rename_stmt->relation_type == PG_QUERY__OBJECT_TYPE__OBJECT_VIEW))
      return "ALTER VIEW";
    if (node->rename_stmt->rename_type == PG_QUERY__OBJECT_TYPE__OBJECT_ROLE)
      return "ALTER ROLE";
    if (node->rename_stmt->rename_type == PG_QUERY__OBJECT_TYPE__OBJECT_SCHEMA)
      return "ALTER SCHEMA";
    return alter[parsed->form];
  case PG_QUERY__NODE__NODE_DROP_STMT:
    if (node->drop_stmt->remove_type == PG_QUERY__OBJECT_TYPE__OBJECT_INDEX)
      return "DROP INDEX";
    if (node->drop_stmt->remove_type == PG_QUERY__OBJECT_TYPE__OBJECT_SEQUENCE)
      return "DROP SEQUENCE";
    if (node->drop_stmt->remove_type == PG_QUERY__OBJECT_TYPE__OBJECT_SCHEMA)
      return "DROP SCHEMA";
    if (parsed->form == FORM_PLAIN && node->drop_stmt->remove_type == PG_QUERY__OBJECT_TYPE__OBJECT_VIEW)
      return "DROP VIEW";
    return drop[parsed->form];
  case PG_QUERY__NODE__NODE_VACUUM_STMT: return node->vacuum_stmt->is_vacuumcmd ? "VACUUM" : "ANALYZE";
  case PG_QUERY__NODE__NODE_REINDEX_STMT: return "REINDEX";
  case PG_QUERY__NODE__NODE_DISCARD_STMT: return "DISCARD TEMP";
  case PG_QUERY__NODE__NODE_CLUSTER_STMT: return "CLUSTER";
  case PG_QUERY__NODE__NODE_CHECK_POINT_STMT: return "CHECKPOINT";
  default: return "";
  }
}

// --- What the definitions share --------------------------------------------------------------------------------

int utility_error(const struct utility_input *input, struct error *error, int32_t location, const char *sqlstate,
                  const char *format, ...)
{
  char message[512];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(message, sizeof message, format, arguments);
  va_end(arguments);
  int status = error_set(error, sqlstate, "%s", message);
  error_position(error, parse_position(input->text, location));
  return status;
}

int utility_unsupported(const struct utility_input *input, struct error *error, int32_t location, const char *what)
{
  return utility_error(input, error, location, SQLSTATE_FEATURE_NOT_SUPPORTED, "%s not supported", what);
}

static void tell(const struct utility_input *input, enum severity severity, const char *sqlstate, const char *format,
                 va_list arguments)
{
  if (!input->notice)
    return;
  char message[512];
  vsnprintf(message, sizeof message, format, arguments);
  struct error notice;
  (void)!error_set(&notice, sqlstate, "%s", message);
  notice.severity = severity;
  input->notice(input->notice_context, &notice);
}

void utility_notice(const struct utility_input *input, const char *sqlstate, const char *format, ...)
{
  va_list arguments;
  va_start(arguments, format);
  tell(input, SEVERITY_NOTICE, sqlstate, format, arguments);
  va_end(arguments);
}

void utility_warning(const struct utility_input *input, const char *sqlstate, const char *format, ...)
{
  va_list arguments;
  va_start(arguments, format);
  tell(input, SEVERITY_WARNING, sqlstate, format, arguments);
  va_end(arguments);
}

bool utility_text_given(const char *text)
{
  return text && text[0];
}

const char *utility_string(const PgQuery__Node *node)
{
  return node && node->node_case == PG_QUERY__NODE__NODE_STRING ? node->string->sval : "";
}

const char *utility_option_value(struct arena *arena, const PgQuery__Node *value)
{
  if (!value)
    return "true"; // an option that just stands there
  switch (value->node_case) {
  case PG_QUERY__NODE__NODE_STRING: return arena_string(arena, value->string->sval);
  case PG_QUERY__NODE__NODE_INTEGER: return arena_format(arena, "%d", value->integer->ival);
  case PG_QUERY__NODE__NODE_FLOAT: return arena_string(arena, value->float_->fval);
  case PG_QUERY__NODE__NODE_BOOLEAN: return value->boolean->boolval ? "true" : "false";
  case PG_QUERY__NODE__NODE_TYPE_NAME: { // a bare word
    const PgQuery__TypeName *name = value->type_name;
    return name->n_names ? arena_string(arena, utility_string(name->names[name->n_names - 1])) : NULL;
  }
  default: return NULL;
  }
}

struct bind_input utility_bind(const struct utility_input *input)
{
  return (struct bind_input){
      .catalog = input->catalog, .version = input->writer->version, .settings = input->settings, .arena = input->arena};
}

struct type_shown utility_type_name(const struct utility_input *input, enum type_id id)
{
  struct catalog_types types;
  struct name_scope scope = utility_scope(input);
  catalog_types_init(&types, input->catalog, input->writer->version, &scope);
  return type_shown(id, &types.types);
}

void utility_type_format(const struct utility_input *input, struct type type, char *text, int size)
{
  struct catalog_types types;
  struct name_scope scope = utility_scope(input);
  catalog_types_init(&types, input->catalog, input->writer->version, &scope);
  type_format(type, &types.types, text, size);
}

struct name_scope utility_scope(const struct utility_input *input)
{
  return (struct name_scope){
      .role = input->settings->role,
      .search_path = input->settings->search_path,
      .search_path_count = input->settings->search_path_count,
      .temporary = settings_temporary(input->settings),
      .mark = input->writer->mark,
  };
}

int utility_find(const struct utility_input *input, const PgQuery__RangeVar *name, const char *kinds, bool missing_ok,
                 const struct relation **relation, struct error *error)
{
  return utility_find_for(input, name, kinds, RIGHT_OWN, missing_ok, relation, error);
}

int utility_find_for(const struct utility_input *input, const PgQuery__RangeVar *name, const char *kinds, uint32_t right,
                     bool missing_ok, const struct relation **relation, struct error *error)
{
  struct name_scope scope = utility_scope(input);
  const char *schema = utility_text_given(name->schemaname) ? name->schemaname : NULL;
  int status = catalog_find(input->catalog, input->writer->version, &scope, schema, name->relname, kinds, right,
                            missing_ok, relation, error);
  if (status && error)
    error->hint[0] = 0; // it is about DROP
  if (!status && !*relation)
    utility_notice(input, SQLSTATE_SUCCESSFUL_COMPLETION, "relation \"%s\" does not exist, skipping", name->relname);
  return status;
}

int utility_find_to_alter(const struct utility_input *input, const PgQuery__AlterTableStmt *alter, const char *kinds,
                          const struct relation **relation, struct relation **definition, struct error *error)
{
  int status = utility_find(input, alter->relation, kinds, alter->missing_ok, relation, error);
  if (status || !*relation)
    return status;
  *definition = catalog_copy(*relation, input->arena);
  return *definition ? 0 : error_memory(error);
}

int utility_lock_target(const struct utility_input *input, const PgQuery__RangeVar *name, int mode,
                        const struct relation **relation, struct error *error)
{
  enum { ACCESS_SHARE = 1, ROW_EXCLUSIVE = 3 };
  uint32_t right = RIGHT_UPDATE | RIGHT_DELETE | RIGHT_TRUNCATE | (mode <= ROW_EXCLUSIVE ? RIGHT_INSERT : 0) |
                   (mode <= ACCESS_SHARE ? RIGHT_SELECT : 0);
  return utility_find_for(input, name, "rf", right, false, relation, error);
}

static int may_create_in(const struct utility_input *input, const PgQuery__RangeVar *name, uint32_t schema,
                         struct error *error)
{
  int status = schema_require(input->catalog, input->writer->version, input->settings->role, schema, RIGHT_CREATE,
                              input->writer->mark, error);
  if (status && input->parsed->node->node_case == PG_QUERY__NODE__NODE_CREATE_STMT)
    error_position(error, parse_position(input->text, name->location));
  return status;
}

// Is what is made temporary: by its own word, or by the name of its schema?
static bool is_temporary(const struct utility_input *input, const PgQuery__RangeVar *name)
{
  if (utility_text_given(name->schemaname))
    return strcmp(name->schemaname, "pg_temp") == 0 ||
           catalog_schema(input->catalog, input->writer->version, name->schemaname) == settings_temporary(input->settings);
  return strcmp(name->relpersistence, "t") == 0 || strncmp(input->settings->search_path_text, "pg_temp", 7) == 0;
}

int utility_temporary_schema(const struct utility_input *input, uint32_t *oid, struct error *error)
{
  struct right_object database;
  const struct version *version = input->writer->version;
  *oid = settings_temporary(input->settings);
  if (!right_object_find(version, CLASS_DATABASE, OID_DATABASE, input->arena, &database))
    return error_memory(error);
  if (!(rights_held(version, input->settings->role, &database, -1, input->writer->mark) & RIGHT_TEMPORARY))
    return error_set(error, SQLSTATE_INSUFFICIENT_PRIVILEGE, "permission denied to create temporary tables in database \"%s\"",
                     input->settings->database);
  input->writer->error = error;
  return temporary_open(input->writer, *oid);
}

int utility_schema(const struct utility_input *input, const PgQuery__RangeVar *name, uint32_t *oid, struct error *error)
{
  *oid = 0;
  if (is_temporary(input, name))
    return utility_temporary_schema(input, oid, error);
  if (strcmp(name->relpersistence, "t") == 0)
    return utility_error(input, error, name->location, SQLSTATE_INVALID_TABLE_DEFINITION,
                         "cannot create temporary relation in non-temporary schema");
  if (utility_text_given(name->schemaname)) {
    *oid = catalog_schema(input->catalog, input->writer->version, name->schemaname);
    if (!*oid)
      return utility_error(input, error, name->location, SQLSTATE_INVALID_SCHEMA_NAME, "schema \"%s\" does not exist",
                           name->schemaname);
  }
  for (int i = 0; i < input->settings->search_path_count && !*oid; i++)
    if (input->settings->search_path[i] != SCHEMA_PG_CATALOG && !schema_is_temporary(input->settings->search_path[i]))
      *oid = input->settings->search_path[i];
  if (!*oid)
    return utility_error(input, error, name->location, SQLSTATE_INVALID_SCHEMA_NAME,
                         "no schema has been selected to create in");
  if (*oid != SCHEMA_PG_CATALOG && *oid != SCHEMA_INFORMATION && *oid != SCHEMA_QUERN)
    return may_create_in(input, name, *oid, error);
  int status = utility_error(input, error, -1, SQLSTATE_INSUFFICIENT_PRIVILEGE, "permission denied to create \"%s.%s\"",
                             catalog_schema_name(input->catalog, input->writer->version, *oid), name->relname);
  error_detail(error, "System catalog modifications are currently disallowed.");
  return status;
}

// --- Running -----------------------------------------------------------------------------------------------------

static int run_alter(const struct utility_input *input, struct error *error)
{
  const PgQuery__AlterTableStmt *alter = input->parsed->node->alter_table_stmt;
  const char *kinds = alter->objtype == PG_QUERY__OBJECT_TYPE__OBJECT_SEQUENCE ? "S"
                      : alter->objtype == PG_QUERY__OBJECT_TYPE__OBJECT_VIEW && input->parsed->form == FORM_PLAIN
                          ? "v"
                          : utility_form_kinds(input->parsed->form);
  if (alter->objtype == PG_QUERY__OBJECT_TYPE__OBJECT_INDEX)
    return index_alter(input, alter, error);
  if (is_owner_change(alter))
    return relation_change_owner(input, alter, kinds, error);
  if (alter->objtype == PG_QUERY__OBJECT_TYPE__OBJECT_VIEW && input->parsed->form == FORM_PLAIN)
    return view_alter(input, alter, error);
  switch (input->parsed->form) {
  case FORM_SOURCE: return source_alter(input, alter, error);
  case FORM_WORKFLOW: return workflow_alter(input, alter, error);
  case FORM_SINK: return sink_alter(input, alter, error);
  default: return table_alter(input, alter, error);
  }
}

// ANALYZE table (columns)
static int check_columns(const struct relation *relation, const PgQuery__VacuumRelation *named, struct error *error)
{
  for (size_t i = 0; i < named->n_va_cols; i++)
    if (relation_column(relation, named->va_cols[i]->string->sval) < 0)
      return error_set(error, SQLSTATE_UNDEFINED_COLUMN, "column \"%s\" of relation \"%s\" does not exist",
                       named->va_cols[i]->string->sval, relation->name);
  return 0;
}

// VACUUM and the like have nothing to do, but the tables that they name must be there.
static int check_named(const struct utility_input *input, struct error *error)
{
  const PgQuery__Node *node = input->parsed->node;
  const struct relation *relation;
  if (node->node_case == PG_QUERY__NODE__NODE_VACUUM_STMT)
    for (size_t i = 0; i < node->vacuum_stmt->n_rels; i++) {
      const PgQuery__RangeVar *name = node->vacuum_stmt->rels[i]->vacuum_relation->relation;
      int status = utility_find(input, name, NULL, false, &relation, error);
      if (!status)
        status = check_columns(relation, node->vacuum_stmt->rels[i]->vacuum_relation, error);
      if (status)
        return status;
    }
  const PgQuery__RangeVar *name = node->node_case == PG_QUERY__NODE__NODE_CLUSTER_STMT   ? node->cluster_stmt->relation
                                  : node->node_case == PG_QUERY__NODE__NODE_REINDEX_STMT ? node->reindex_stmt->relation
                                                                                         : NULL;
  return name ? utility_find(input, name, "ri", false, &relation, error) : 0;
}

// What sessions tell each other is the session's own to do, as by the function of that name. No channel: all.
static int run_signal(const struct utility_input *input, const char *function, const char *channel, const char *payload)
{
  struct evaluation *evaluation = input->writer->evaluation;
  struct value result, arguments[2] = {value_string(channel ? channel : ""), value_string(payload ? payload : "")};
  return evaluation->hooks->session_function(evaluation, function, arguments, 2, &result);
}

static int run(const struct utility_input *input, const char **tag, struct error *error)
{
  const PgQuery__Node *node = input->parsed->node;
  if (type_tag(node))
    return type_run(input, error);
  switch (node->node_case) {
  case PG_QUERY__NODE__NODE_CREATE_STMT:
    if (input->parsed->form == FORM_SOURCE)
      return source_create(input, node->create_stmt, error);
    return table_create(input, node->create_stmt, error);
  case PG_QUERY__NODE__NODE_CREATE_FUNCTION_STMT: return workflow_create(input, node->create_function_stmt, error);
  case PG_QUERY__NODE__NODE_SELECT_STMT: return table_select_into(input, node->select_stmt, tag, error);
  case PG_QUERY__NODE__NODE_CREATE_TABLE_AS_STMT:
    if (input->parsed->form == FORM_PLAIN)
      return table_create_as(input, node->create_table_as_stmt, tag, error);
    return sink_create(input, node->create_table_as_stmt, error);
  case PG_QUERY__NODE__NODE_CREATE_SEQ_STMT: return sequence_create(input, node->create_seq_stmt, error);
  case PG_QUERY__NODE__NODE_ALTER_SEQ_STMT: return sequence_alter(input, node->alter_seq_stmt, error);
  case PG_QUERY__NODE__NODE_ALTER_OWNER_STMT:
    if (node->alter_owner_stmt->object_type != PG_QUERY__OBJECT_TYPE__OBJECT_SCHEMA)
      return utility_unknown(input->parsed, error);
    return schema_change_owner(input, node->alter_owner_stmt, error);
  case PG_QUERY__NODE__NODE_DISCARD_STMT:
    return temporary_drop(input->writer, settings_temporary(input->settings));
  case PG_QUERY__NODE__NODE_COMMENT_STMT: return comment_on(input, node->comment_stmt, error);
  case PG_QUERY__NODE__NODE_CREATE_SCHEMA_STMT: return schema_create(input, node->create_schema_stmt, error);
  case PG_QUERY__NODE__NODE_ALTER_OBJECT_SCHEMA_STMT:
    return relation_set_schema(input, node->alter_object_schema_stmt, error);
  case PG_QUERY__NODE__NODE_VIEW_STMT: return view_create(input, node->view_stmt, error);
  case PG_QUERY__NODE__NODE_INDEX_STMT: return index_create(input, node->index_stmt, error);
  case PG_QUERY__NODE__NODE_TRUNCATE_STMT: return tables_truncate(input, node->truncate_stmt, error);
  case PG_QUERY__NODE__NODE_CONSTRAINTS_SET_STMT: return constraints_set(input, node->constraints_set_stmt, error);
  case PG_QUERY__NODE__NODE_LISTEN_STMT:
    return run_signal(input, "pg_listen", node->listen_stmt->conditionname, NULL);
  case PG_QUERY__NODE__NODE_UNLISTEN_STMT:
    return run_signal(input, "pg_unlisten", node->unlisten_stmt->conditionname, NULL);
  case PG_QUERY__NODE__NODE_NOTIFY_STMT:
    return run_signal(input, "pg_notify", node->notify_stmt->conditionname, node->notify_stmt->payload);
  case PG_QUERY__NODE__NODE_ALTER_TABLE_STMT: return run_alter(input, error);
  case PG_QUERY__NODE__NODE_CREATE_ROLE_STMT: return role_make(input, node->create_role_stmt, error);
  case PG_QUERY__NODE__NODE_ALTER_ROLE_STMT: return role_alter(input, node->alter_role_stmt, error);
  case PG_QUERY__NODE__NODE_ALTER_ROLE_SET_STMT: return role_set(input, node->alter_role_set_stmt, error);
  case PG_QUERY__NODE__NODE_ALTER_DATABASE_SET_STMT: return database_set(input, node->alter_database_set_stmt, error);
  case PG_QUERY__NODE__NODE_DROP_ROLE_STMT: return roles_drop(input, node->drop_role_stmt, error);
  case PG_QUERY__NODE__NODE_ALTER_DEFAULT_PRIVILEGES_STMT:
    return rights_by_default(input, node->alter_default_privileges_stmt, error);
  case PG_QUERY__NODE__NODE_GRANT_STMT: return rights_grant(input, node->grant_stmt, error);
  case PG_QUERY__NODE__NODE_REASSIGN_OWNED_STMT: return owned_reassign(input, node->reassign_owned_stmt, error);
  case PG_QUERY__NODE__NODE_DROP_OWNED_STMT: return owned_drop(input, node->drop_owned_stmt, error);
  case PG_QUERY__NODE__NODE_GRANT_ROLE_STMT: return role_grant(input, node->grant_role_stmt, error);
  case PG_QUERY__NODE__NODE_RENAME_STMT:
    if (node->rename_stmt->rename_type == PG_QUERY__OBJECT_TYPE__OBJECT_ROLE)
      return role_rename(input, node->rename_stmt, error);
    if (node->rename_stmt->rename_type == PG_QUERY__OBJECT_TYPE__OBJECT_SCHEMA)
      return schema_rename(input, node->rename_stmt, error);
    return relation_rename(input, node->rename_stmt, tag, error);
  case PG_QUERY__NODE__NODE_DROP_STMT:
    if (node->drop_stmt->remove_type == PG_QUERY__OBJECT_TYPE__OBJECT_SCHEMA)
      return schemas_drop(input, node->drop_stmt, error);
    return relations_drop(input, node->drop_stmt, error);
  default:
    return utility_kind(input->parsed) == UTILITY_IGNORED ? check_named(input, error)
                                                          : utility_unknown(input->parsed, error);
  }
}

int utility_run(const struct utility_input *input, const char **tag, struct error *error)
{
  struct name_scope scope = utility_scope(input);
  *tag = utility_tag(input->parsed);
  input->writer->error = error;
  input->writer->scope = &scope;
  int status = run(input, tag, error);
  input->writer->scope = NULL;
  return status;
}
