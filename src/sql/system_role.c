// Roles in the catalog: pg_roles, pg_authid, pg_user, pg_auth_members and their kin.
#include <stdio.h>

#include "data/array.h"
#include "sql/system_internal.h"
#include "table/role.h"
#include "table/role_setting.h"

#define ROWS(name) \
  static int name(const struct system_table *table, struct system_context *context, struct row_sink *sink, \
                  struct error *error)
#define ADD(...) system_add(table, sink, (const struct value[]){__VA_ARGS__}, error)

const char *system_role_name(const struct system_context *context, uint32_t oid, char name[64])
{
  struct role role;
  if (role_find(context->version, oid, NULL, &role))
    snprintf(name, 64, "%s", role.name);
  else
    snprintf(name, 64, "unknown (OID=%u)", oid);
  return name;
}

bool system_is_superuser(const struct system_context *context)
{
  return role_is_superuser(context->version, context->settings->role, NULL);
}

// Verifiers are for superusers.
static int only_superusers(const struct system_table *table, const struct system_context *context, struct error *error)
{
  if (system_is_superuser(context))
    return 0;
  bool is_view = table->oid != 1260;
  return error_set(error, SQLSTATE_INSUFFICIENT_PRIVILEGE, "permission denied for %s %s", is_view ? "view" : "table",
                   table->name);
}

static struct value valid_until(const struct role *role)
{
  return role->has_valid_until ? value_integer(role->valid_until) : value_null();
}

static const struct system_column role_columns[] = {
    C_NAME("rolname"),     C_BOOL("rolsuper"),      C_BOOL("rolinherit"),     C_BOOL("rolcreaterole"),
    C_BOOL("rolcreatedb"), C_BOOL("rolcanlogin"),   C_BOOL("rolreplication"), C_INT4("rolconnlimit"),
    C_TEXT("rolpassword"), C_TIME("rolvaliduntil"), C_BOOL("rolbypassrls"),   C_ARRAY("rolconfig"),
    C_OID("oid"),
};

// What a login begins with, as name=value; NULL: nothing. False: out of memory.
static bool config_of(const struct system_context *context, struct row_sink *sink, struct bytes kept, struct value *config,
                      struct error *error)
{
  struct setting_list list = {0};
  struct array_builder builder;
  const char *name, *value;
  size_t next;
  *config = value_null();
  if (!kept.size || kept.size > SETTING_LIST)
    return true;
  memcpy(list.bytes, kept.data, kept.size);
  array_builder_init(&builder, TYPE_TEXT, NULL);
  bool is_good = true;
  for (size_t offset = 0; is_good && (name = setting_list_next(&list, offset, &value, &next)); offset = next) {
    const char *text = arena_format(sink->arena, "%s=%s", name, value);
    struct value element = value_string(text ? text : "");
    is_good = text != NULL;
    array_add(&builder, &element);
  }
  struct array_shape shape = array_line(builder.count);
  return !array_finish(&builder, &shape, sink->arena, config, error) && is_good;
}

static bool config_of_role(const struct system_context *context, struct row_sink *sink, uint32_t role,
                           struct value *config, struct error *error)
{
  struct bytes kept = {0};
  (void)role_settings_find(context->version, false, role, NULL, &kept);
  return config_of(context, sink, kept, config, error);
}

static const struct system_column role_setting_columns[] = {C_OID("setdatabase"), C_OID("setrole"),
                                                            C_ARRAY("setconfig")};

ROWS(role_setting_rows)
{
  struct role_settings settings = {0};
  struct value config;
  int status = 0;
  while (!status && role_settings_next(context->version, &settings)) {
    if (!config_of(context, sink, settings.list, &config, error))
      return error_memory(error);
    status = ADD(number(settings.of_database ? OID_DATABASE : 0), number(settings.role), config);
  }
  return status;
}

ROWS(role_rows)
{
  struct value config;
  struct role role;
  int status = 0;
  for (uint32_t oid = 0; !status && role_next(context->version, &oid, &role);) {
    if (!config_of_role(context, sink, role.oid, &config, error))
      return error_memory(error);
    status = ADD(value_string(role.name), truth(role.is_superuser), truth(role.inherits), truth(role.creates_roles),
                 truth(role.creates_databases), truth(role.logs_in), truth(role.replicates),
                 number(role.connection_limit), value_string("********"), valid_until(&role), truth(role.bypasses_rows),
                 config, number(role.oid));
  }
  return status;
}

static const struct system_column authid_columns[] = {
    C_OID("oid"),           C_NAME("rolname"),        C_BOOL("rolsuper"),
    C_BOOL("rolinherit"),   C_BOOL("rolcreaterole"),  C_BOOL("rolcreatedb"),
    C_BOOL("rolcanlogin"),  C_BOOL("rolreplication"), C_BOOL("rolbypassrls"),
    C_INT4("rolconnlimit"), C_TEXT("rolpassword"),    C_TIME("rolvaliduntil"),
};

ROWS(authid_rows)
{
  struct role role;
  int status = only_superusers(table, context, error);
  for (uint32_t oid = 0; !status && role_next(context->version, &oid, &role);)
    status = ADD(number(role.oid), value_string(role.name), truth(role.is_superuser), truth(role.inherits),
                 truth(role.creates_roles), truth(role.creates_databases), truth(role.logs_in), truth(role.replicates),
                 truth(role.bypasses_rows), number(role.connection_limit),
                 role.verifier[0] ? value_string(role.verifier) : value_null(), valid_until(&role));
  return status;
}

// pg_user and pg_shadow: who can log in; the latter with verifiers.
static const struct system_column user_columns[] = {
    C_NAME("usename"),      C_OID("usesysid"), C_BOOL("usecreatedb"), C_BOOL("usesuper"),   C_BOOL("userepl"),
    C_BOOL("usebypassrls"), C_TEXT("passwd"),  C_TIME("valuntil"),    C_ARRAY("useconfig"),
};

static int add_users(const struct system_table *table, struct system_context *context, struct row_sink *sink,
                     bool with_verifiers, struct error *error)
{
  struct role role;
  int status = 0;
  for (uint32_t oid = 0; !status && role_next(context->version, &oid, &role);) {
    struct value config, verifier = role.verifier[0] ? value_string(role.verifier) : value_null();
    if (!config_of_role(context, sink, role.oid, &config, error))
      return error_memory(error);
    if (role.logs_in)
      status = ADD(value_string(role.name), number(role.oid), truth(role.creates_databases), truth(role.is_superuser),
                   truth(role.replicates), truth(role.bypasses_rows),
                   with_verifiers ? verifier : value_string("********"), valid_until(&role), config);
  }
  return status;
}

ROWS(user_rows)
{
  return add_users(table, context, sink, false, error);
}

ROWS(shadow_rows)
{
  int status = only_superusers(table, context, error);
  return status ? status : add_users(table, context, sink, true, error);
}

static const struct system_column member_columns[] = {C_OID("roleid"), C_OID("member"), C_OID("grantor"),
                                                      C_BOOL("admin_option")};

ROWS(member_rows)
{
  struct membership membership = {0};
  int status = 0;
  while (!status && membership_next(context->version, &membership))
    status = ADD(number(membership.role), number(membership.member), number(membership.grantor),
                 truth(membership.is_admin));
  return status;
}

#define PG(oid, name, columns, rows) SYSTEM_TABLE(oid, SCHEMA_PG_CATALOG, name, columns, rows)

const struct system_table role_tables[] = {
    PG(12000, "pg_roles", role_columns, role_rows),
    PG(1260, "pg_authid", authid_columns, authid_rows),
    PG(2964, "pg_db_role_setting", role_setting_columns, role_setting_rows),
    PG(12014, "pg_user", user_columns, user_rows),
    PG(12004, "pg_shadow", user_columns, shadow_rows),
    PG(1261, "pg_auth_members", member_columns, member_rows),
    {0},
};
