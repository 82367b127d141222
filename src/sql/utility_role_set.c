// ALTER ROLE … SET, ALTER DATABASE … SET: what settings sessions begin with.
//
// Values are tried on a copy of the session's settings, so that what would be refused at login is refused here.
#include "sql/settings.h"
#include "sql/utility_internal.h"
#include "table/role_setting.h"

bool setting_constant(const PgQuery__Node *node, struct buffer *out)
{
  const PgQuery__AConst *constant = NULL;
  if (node->node_case == PG_QUERY__NODE__NODE_A_CONST)
    constant = node->a_const;
  else if (node->node_case == PG_QUERY__NODE__NODE_TYPE_CAST && node->type_cast->arg &&
           node->type_cast->arg->node_case == PG_QUERY__NODE__NODE_A_CONST)
    constant = node->type_cast->arg->a_const; // SET TIME ZONE INTERVAL '…'
  if (!constant)
    return false;
  switch (constant->val_case) {
  case PG_QUERY__A__CONST__VAL_IVAL: buffer_format(out, "%d", constant->ival->ival); return true;
  case PG_QUERY__A__CONST__VAL_FVAL: buffer_append_string(out, constant->fval->fval); return true;
  case PG_QUERY__A__CONST__VAL_SVAL: buffer_append_string(out, constant->sval->sval); return true;
  case PG_QUERY__A__CONST__VAL_BOOLVAL: buffer_append_string(out, constant->boolval->boolval ? "on" : "off"); return true;
  default: return false;
  }
}

bool setting_value(const PgQuery__VariableSetStmt *set, struct buffer *out)
{
  bool is_good = true;
  for (size_t i = 0; i < set->n_args && is_good; i++) {
    if (i)
      buffer_append_string(out, ", ");
    is_good = setting_constant(set->args[i], out);
  }
  return is_good;
}

// The value in text, or NULL to take the setting away.
static int read_value(const struct utility_input *input, const PgQuery__VariableSetStmt *set, struct buffer *text,
                      const char **value, struct error *error)
{
  char scratch[256];
  struct settings tried = *input->settings;
  *value = NULL;
  if (set->kind == PG_QUERY__VARIABLE_SET_KIND__VAR_SET_CURRENT) {
    const char *shown = settings_show(&tried, set->name, scratch, sizeof scratch);
    if (!shown)
      return error_set(error, SQLSTATE_UNDEFINED_OBJECT, "unrecognized configuration parameter \"%s\"", set->name);
    buffer_append_string(text, shown);
  } else if (set->kind == PG_QUERY__VARIABLE_SET_KIND__VAR_SET_VALUE) {
    if (!setting_value(set, text))
      return error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED, "SET takes constants only");
  } else {
    return settings_set(&tried, set->name, NULL, NULL, NULL, error);
  }
  buffer_append_u8(text, 0);
  if (text->failed)
    return error_memory(error);
  *value = (const char *)text->data;
  return settings_set(&tried, set->name, *value, NULL, NULL, error);
}

static int change(const struct utility_input *input, bool of_database, uint32_t role,
                  const PgQuery__VariableSetStmt *set, struct error *error)
{
  struct setting_list list = {0};
  struct bytes stored;
  if (set->kind == PG_QUERY__VARIABLE_SET_KIND__VAR_RESET_ALL)
    return role_settings_put(input->writer, of_database, role, (struct bytes){0});
  if (role_settings_find(input->writer->version, of_database, role, input->writer->mark, &stored) &&
      stored.size <= SETTING_LIST)
    memcpy(list.bytes, stored.data, stored.size);
  struct buffer text = {0};
  const char *value;
  int status = read_value(input, set, &text, &value, error);
  if (!status && !setting_list_put(&list, set->name, value))
    status = error_set(error, SQLSTATE_CONFIGURATION_LIMIT_EXCEEDED, "settings of a role cannot have more than %d bytes",
                       SETTING_LIST);
  buffer_deinit(&text);
  if (status)
    return status;
  return role_settings_put(input->writer, of_database, role, bytes_of(list.bytes, setting_list_size(&list)));
}

static int check_database(const struct utility_input *input, const char *name, struct error *error)
{
  if (strcmp(name, input->settings->database) == 0)
    return 0;
  return error_set(error, SQLSTATE_UNDEFINED_DATABASE, "database \"%s\" does not exist", name);
}

int role_set(const struct utility_input *input, const PgQuery__AlterRoleSetStmt *set, struct error *error)
{
  struct role who, role = {0};
  bool of_database = set->database && set->database[0];
  int status = role_current(input, &who, error);
  if (!status && set->role)
    status = role_of_spec(input, set->role, &role, error);
  if (!status && of_database)
    status = check_database(input, set->database, error);
  if (status)
    return status;
  if (!who.is_superuser && (!set->role || role.is_superuser))
    return error_set(error, SQLSTATE_INSUFFICIENT_PRIVILEGE, set->role ? "must be superuser to alter superusers"
                                                                       : "must be superuser to alter settings globally");
  if (!who.is_superuser && !who.creates_roles && who.oid != role.oid)
    return error_set(error, SQLSTATE_INSUFFICIENT_PRIVILEGE, "permission denied");
  return change(input, of_database, role.oid, set->setstmt, error);
}

int database_set(const struct utility_input *input, const PgQuery__AlterDatabaseSetStmt *set, struct error *error)
{
  struct role who;
  int status = role_current(input, &who, error);
  if (!status)
    status = check_database(input, set->dbname, error);
  if (!status && !who.is_superuser)
    status = error_set(error, SQLSTATE_INSUFFICIENT_PRIVILEGE, "must be owner of database %s", set->dbname);
  return status ? status : change(input, true, 0, set->setstmt, error);
}
