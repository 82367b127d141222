// Functions that look at the session and the catalog: they go through the evaluation's hook, by name. With them those
// of PostgreSQL's system functions that need neither.
#include "expr/tables.h"

#define SESSION(name)                                                                               \
  static int session_##name(CALL) { return call_session(evaluation, #name, arguments, argument_count, result); }

SESSION(current_user)
SESSION(session_user)
SESSION(current_database)
SESSION(current_schema)
SESSION(current_schemas)
SESSION(version)
SESSION(pg_backend_pid)
SESSION(pg_my_temp_schema)
SESSION(pg_is_other_temp_schema)
SESSION(row_security_active)
SESSION(pg_relation_is_updatable)
SESSION(pg_column_is_updatable)
SESSION(pg_get_userbyid)
SESSION(pg_get_indexdef)
SESSION(pg_get_constraintdef)
SESSION(pg_get_expr)
SESSION(pg_get_viewdef)
SESSION(pg_get_functiondef)
SESSION(pg_get_function_result)
SESSION(pg_get_function_arguments)
SESSION(pg_get_function_identity_arguments)
SESSION(pg_get_function_sqlbody)
SESSION(pg_get_triggerdef)
SESSION(pg_get_ruledef)
SESSION(pg_get_partkeydef)
SESSION(pg_get_serial_sequence)
SESSION(pg_get_statisticsobjdef_columns)
SESSION(pg_tablespace_location)
SESSION(pg_table_is_visible)
SESSION(pg_type_is_visible)
SESSION(pg_function_is_visible)
SESSION(pg_operator_is_visible)
SESSION(pg_collation_is_visible)
SESSION(pg_conversion_is_visible)
SESSION(pg_opclass_is_visible)
SESSION(pg_opfamily_is_visible)
SESSION(pg_statistics_obj_is_visible)
SESSION(pg_ts_config_is_visible)
SESSION(pg_ts_dict_is_visible)
SESSION(pg_ts_parser_is_visible)
SESSION(pg_ts_template_is_visible)
SESSION(pg_relation_is_publishable)
SESSION(format_type)
SESSION(obj_description)
SESSION(col_description)
SESSION(shobj_description)
SESSION(pg_relation_size)
SESSION(pg_total_relation_size)
SESSION(pg_table_size)
SESSION(pg_indexes_size)
SESSION(pg_database_size)
SESSION(set_config)
SESSION(current_setting)
SESSION(pg_sleep)
SESSION(pg_notify)
SESSION(pg_notification_queue_usage)
SESSION(quern_backup)
SESSION(pg_cancel_backend)
SESSION(pg_terminate_backend)
SESSION(pg_advisory_lock)
SESSION(pg_advisory_lock_shared)
SESSION(pg_advisory_xact_lock)
SESSION(pg_advisory_xact_lock_shared)
SESSION(pg_try_advisory_lock)
SESSION(pg_try_advisory_lock_shared)
SESSION(pg_try_advisory_xact_lock)
SESSION(pg_try_advisory_xact_lock_shared)
SESSION(pg_advisory_unlock)
SESSION(pg_advisory_unlock_shared)
SESSION(pg_advisory_unlock_all)
SESSION(pg_postmaster_start_time)
SESSION(to_regclass)
SESSION(to_regtype)
SESSION(to_regproc)
SESSION(to_regnamespace)
SESSION(to_regrole)
SESSION(regclass)
SESSION(regtype)
SESSION(regproc)
SESSION(regnamespace)
SESSION(regrole)
SESSION(nextval)
SESSION(currval)
SESSION(lastval)
SESSION(setval)

// Roles and objects may be named, or said by their numbers: the hook is told which, "has_table_privilege:no".
#define SESSION_BY(name, kinds)                                                                     \
  static int session_##name##_##kinds(CALL) { return call_session(evaluation, #name ":" #kinds, arguments, argument_count, result); }
#define SESSION_PRIVILEGE(name)                                                                     \
  SESSION_BY(name, n) SESSION_BY(name, o) SESSION_BY(name, nn) SESSION_BY(name, no) SESSION_BY(name, on) SESSION_BY(name, oo)
SESSION_PRIVILEGE(has_table_privilege)
SESSION_PRIVILEGE(has_any_column_privilege)
SESSION_PRIVILEGE(has_schema_privilege)
SESSION_PRIVILEGE(has_database_privilege)
SESSION_PRIVILEGE(has_sequence_privilege)
SESSION_PRIVILEGE(has_type_privilege)
SESSION_PRIVILEGE(has_function_privilege)
SESSION_PRIVILEGE(has_language_privilege)
SESSION_PRIVILEGE(has_tablespace_privilege)
SESSION_PRIVILEGE(has_foreign_data_wrapper_privilege)
SESSION_PRIVILEGE(has_server_privilege)
SESSION_PRIVILEGE(pg_has_role)
SESSION_BY(has_column_privilege, nn)
SESSION_BY(has_column_privilege, no)
SESSION_BY(has_column_privilege, on)
SESSION_BY(has_column_privilege, oo)
SESSION_BY(has_column_privilege, nnn)
SESSION_BY(has_column_privilege, nno)
SESSION_BY(has_column_privilege, non)
SESSION_BY(has_column_privilege, noo)
SESSION_BY(has_column_privilege, onn)
SESSION_BY(has_column_privilege, ono)
SESSION_BY(has_column_privilege, oon)
SESSION_BY(has_column_privilege, ooo)

// Where PostgreSQL takes a regclass, a name may be given: it becomes the relation's object id first.
static int with_relation(struct evaluation *evaluation, const char *name, const struct value *arguments,
                         int argument_count, struct value *result)
{
  struct value resolved[FUNCTION_ARGUMENTS];
  memcpy(resolved, arguments, sizeof *arguments * (size_t)argument_count);
  int status = call_session(evaluation, "to_regclass", arguments, 1, &resolved[0]);
  if (status != STATUS_OK)
    return status;
  if (resolved[0].is_null)
    return error_set(evaluation->error, SQLSTATE_UNDEFINED_TABLE, "relation \"%.*s\" does not exist",
                     (int)arguments[0].size, (const char *)arguments[0].data);
  return call_session(evaluation, name, resolved, argument_count, result);
}

#define BY_NAME(name)                                                                               \
  static int named_##name(CALL) { return with_relation(evaluation, #name, arguments, argument_count, result); }
BY_NAME(row_security_active)
BY_NAME(pg_relation_size)
BY_NAME(pg_total_relation_size)
BY_NAME(pg_table_size)
BY_NAME(pg_indexes_size)
BY_NAME(pg_get_indexdef)
BY_NAME(pg_get_viewdef)
BY_NAME(quern_watermark)
BY_NAME(nextval)
BY_NAME(currval)
BY_NAME(setval)

// The name becomes its object id; digits are one.
static int object_in(struct evaluation *evaluation, const char *lookup, const char *sqlstate, const char *what,
                     const struct value *name, struct value *result)
{
  int64_t number = 0;
  uint32_t digits = 0;
  for (; digits < name->size && digits < 10 && name->data[digits] >= '0' && name->data[digits] <= '9'; digits++)
    number = number * 10 + (name->data[digits] - '0');
  if (digits && digits == name->size && number <= UINT32_MAX) {
    *result = value_integer(number);
    return STATUS_OK;
  }
  int status = call_session(evaluation, lookup, name, 1, result);
  if (status || !result->is_null)
    return status;
  return error_set(evaluation->error, sqlstate, "%s \"%.*s\" does not exist", what, (int)name->size, (const char *)name->data);
}

#define OBJECT_IN(name, sqlstate, what)                                                              \
  static int name##_in(CALL) { return object_in(evaluation, "to_" #name, sqlstate, what, arguments, result); }
OBJECT_IN(regclass, SQLSTATE_UNDEFINED_TABLE, "relation")
OBJECT_IN(regtype, SQLSTATE_UNDEFINED_OBJECT, "type")
OBJECT_IN(regproc, SQLSTATE_UNDEFINED_FUNCTION, "function")
OBJECT_IN(regnamespace, SQLSTATE_INVALID_SCHEMA_NAME, "schema")
OBJECT_IN(regrole, SQLSTATE_UNDEFINED_OBJECT, "role")

static int type_of(CALL)
{
  enum type_id type = evaluation->argument_types[0];
  struct value oid = value_integer(type_oid(type));
  if (type_is_user(type))
    return call_session(evaluation, "regtype", &oid, 1, result);
  *result = value_string(type_info(type)->name);
  return STATUS_OK;
}

// ---- the table ----

#define LOOKUP(name, result, count, ...) STABLE(#name, session_##name, result, count, __VA_ARGS__)
// An advisory lock's number is a bigint or two integers.
#define ADVISORY(name, result)                                                                       \
  ROW(#name, session_##name, TYPE_##result, 1, FUNCTION_ONCE, false, false, INT8),                      \
    ROW(#name, session_##name, TYPE_##result, 2, FUNCTION_ONCE, false, false, INT4, INT4)
#define KEPT(name, result, count, ...)                                                              \
  ROW(#name, session_##name, result, count, FUNCTION_KEPT, false, false, __VA_ARGS__)
#define NAMED(name, volatility, result, count, ...)                                                 \
  ROW(#name, named_##name, result, count, volatility, false, false, __VA_ARGS__)
#define BY_KIND(name, kinds, count, ...)                                                            \
  STABLE(#name, session_##name##_##kinds, BOOLEAN, count, __VA_ARGS__)
#define PRIVILEGE_BY_KIND(name)                                                                     \
  BY_KIND(name, n, 2, TEXT, TEXT), BY_KIND(name, o, 2, OID, TEXT), BY_KIND(name, nn, 3, NAME, TEXT, TEXT),  \
      BY_KIND(name, no, 3, NAME, OID, TEXT), BY_KIND(name, on, 3, OID, TEXT, TEXT), BY_KIND(name, oo, 3, OID, OID, TEXT)
#define SIZE(name)                                                                                  \
  KEPT(name, INT8, 1, OID), ROW(#name, named_##name, INT8, 1, FUNCTION_KEPT, false, false, TEXT)

const struct function system_functions[] = {
    KEPT(current_user, NAME, 0, 0),
    KEPT(session_user, NAME, 0, 0),
    KEPT(current_database, NAME, 0, 0),
    KEPT(current_schema, NAME, 0, 0),
    KEPT(version, TEXT, 0, 0),
    KEPT(pg_backend_pid, INT4, 0, 0),
    KEPT(pg_postmaster_start_time, TIMESTAMPTZ, 0, 0),
    ROW("pg_conf_load_time", session_pg_postmaster_start_time, TIMESTAMPTZ, 0, FUNCTION_KEPT, false, false, 0),
    LOOKUP(pg_my_temp_schema, OID, 0, 0),
    LOOKUP(pg_is_other_temp_schema, BOOLEAN, 1, OID),
    LOOKUP(row_security_active, BOOLEAN, 1, OID),
    NAMED(row_security_active, FUNCTION_STABLE, BOOLEAN, 1, TEXT),
    LOOKUP(pg_relation_is_updatable, INT4, 2, OID, BOOLEAN),
    LOOKUP(pg_column_is_updatable, BOOLEAN, 3, OID, INT2, BOOLEAN),
    ROW("current_schemas", session_current_schemas, TYPE_NAME_ARRAY, 1, FUNCTION_KEPT, true, false, BOOLEAN),
    KEPT(current_setting, TEXT, 1, TEXT),
    KEPT(current_setting, TEXT, 2, TEXT, BOOLEAN),
    ROW("set_config", session_set_config, TEXT, 3, FUNCTION_ONCE, true, false, TEXT, TEXT, BOOLEAN),
    ADVISORY(pg_advisory_lock, VOID),
    ADVISORY(pg_advisory_lock_shared, VOID),
    ADVISORY(pg_advisory_xact_lock, VOID),
    ADVISORY(pg_advisory_xact_lock_shared, VOID),
    ADVISORY(pg_try_advisory_lock, BOOLEAN),
    ADVISORY(pg_try_advisory_lock_shared, BOOLEAN),
    ADVISORY(pg_try_advisory_xact_lock, BOOLEAN),
    ADVISORY(pg_try_advisory_xact_lock_shared, BOOLEAN),
    ADVISORY(pg_advisory_unlock, BOOLEAN),
    ADVISORY(pg_advisory_unlock_shared, BOOLEAN),
    ROW("pg_advisory_unlock_all", session_pg_advisory_unlock_all, TYPE_VOID, 0, FUNCTION_ONCE, false, false, 0),
    NAMED(quern_watermark, FUNCTION_STABLE, TIMESTAMPTZ, 1, TEXT),
    ROW("pg_cancel_backend", session_pg_cancel_backend, TYPE_BOOLEAN, 1, FUNCTION_ONCE, false, false, INT4),
    ROW("pg_terminate_backend", session_pg_terminate_backend, TYPE_BOOLEAN, 1, FUNCTION_ONCE, false, false, INT4),
    ROW("quern_backup", session_quern_backup, TYPE_INT8, 1, FUNCTION_ONCE, false, false, TEXT),
    ROW("pg_notify", session_pg_notify, TYPE_VOID, 2, FUNCTION_KEPT, true, false, TEXT, TEXT),
    KEPT(pg_notification_queue_usage, FLOAT8, 0, 0),
    ROW("pg_sleep", session_pg_sleep, TYPE_VOID, 1, FUNCTION_ONCE, false, false, FLOAT8),
    LOOKUP(pg_get_userbyid, NAME, 1, OID),
    LOOKUP(pg_get_indexdef, TEXT, 1, OID),
    LOOKUP(pg_get_indexdef, TEXT, 3, OID, INT4, BOOLEAN),
    NAMED(pg_get_indexdef, FUNCTION_STABLE, TEXT, 1, TEXT),
    LOOKUP(pg_get_constraintdef, TEXT, 1, OID),
    LOOKUP(pg_get_constraintdef, TEXT, 2, OID, BOOLEAN),
    LOOKUP(pg_get_expr, TEXT, 2, TEXT, OID),
    LOOKUP(pg_get_expr, TEXT, 3, TEXT, OID, BOOLEAN),
    LOOKUP(pg_get_viewdef, TEXT, 1, OID),
    LOOKUP(pg_get_viewdef, TEXT, 2, OID, BOOLEAN),
    LOOKUP(pg_get_viewdef, TEXT, 2, OID, INT4),
    NAMED(pg_get_viewdef, FUNCTION_STABLE, TEXT, 1, TEXT),
    NAMED(pg_get_viewdef, FUNCTION_STABLE, TEXT, 2, TEXT, BOOLEAN),
    LOOKUP(pg_get_functiondef, TEXT, 1, OID),
    LOOKUP(pg_get_function_result, TEXT, 1, OID),
    LOOKUP(pg_get_function_arguments, TEXT, 1, OID),
    LOOKUP(pg_get_function_identity_arguments, TEXT, 1, OID),
    LOOKUP(pg_get_function_sqlbody, TEXT, 1, OID),
    LOOKUP(pg_get_triggerdef, TEXT, 1, OID),
    LOOKUP(pg_get_triggerdef, TEXT, 2, OID, BOOLEAN),
    LOOKUP(pg_get_ruledef, TEXT, 1, OID),
    LOOKUP(pg_get_ruledef, TEXT, 2, OID, BOOLEAN),
    LOOKUP(pg_get_partkeydef, TEXT, 1, OID),
    LOOKUP(pg_get_serial_sequence, TEXT, 2, TEXT, TEXT),
    LOOKUP(pg_get_statisticsobjdef_columns, TEXT, 1, OID),
    LOOKUP(pg_tablespace_location, TEXT, 1, OID),
    LOOKUP(pg_table_is_visible, BOOLEAN, 1, OID),
    LOOKUP(pg_type_is_visible, BOOLEAN, 1, OID),
    LOOKUP(pg_function_is_visible, BOOLEAN, 1, OID),
    LOOKUP(pg_operator_is_visible, BOOLEAN, 1, OID),
    LOOKUP(pg_collation_is_visible, BOOLEAN, 1, OID),
    LOOKUP(pg_conversion_is_visible, BOOLEAN, 1, OID),
    LOOKUP(pg_opclass_is_visible, BOOLEAN, 1, OID),
    LOOKUP(pg_opfamily_is_visible, BOOLEAN, 1, OID),
    LOOKUP(pg_statistics_obj_is_visible, BOOLEAN, 1, OID),
    LOOKUP(pg_ts_config_is_visible, BOOLEAN, 1, OID),
    LOOKUP(pg_ts_dict_is_visible, BOOLEAN, 1, OID),
    LOOKUP(pg_ts_parser_is_visible, BOOLEAN, 1, OID),
    LOOKUP(pg_ts_template_is_visible, BOOLEAN, 1, OID),
    LOOKUP(pg_relation_is_publishable, BOOLEAN, 1, OID),
    ROW("format_type", session_format_type, TEXT, 2, FUNCTION_STABLE, true, false, OID, INT4),
    LOOKUP(obj_description, TEXT, 1, OID),
    LOOKUP(obj_description, TEXT, 2, OID, NAME),
    LOOKUP(col_description, TEXT, 2, OID, INT4),
    LOOKUP(shobj_description, TEXT, 2, OID, NAME),
    SIZE(pg_relation_size),
    KEPT(pg_relation_size, INT8, 2, OID, TEXT),
    NAMED(pg_relation_size, FUNCTION_KEPT, INT8, 2, TEXT, TEXT),
    SIZE(pg_total_relation_size),
    SIZE(pg_table_size),
    SIZE(pg_indexes_size),
    KEPT(pg_database_size, INT8, 1, NAME),
    KEPT(pg_database_size, INT8, 1, OID),
    PRIVILEGE_BY_KIND(has_table_privilege),
    PRIVILEGE_BY_KIND(has_any_column_privilege),
    PRIVILEGE_BY_KIND(has_schema_privilege),
    PRIVILEGE_BY_KIND(has_database_privilege),
    PRIVILEGE_BY_KIND(has_sequence_privilege),
    PRIVILEGE_BY_KIND(has_type_privilege),
    PRIVILEGE_BY_KIND(has_function_privilege),
    PRIVILEGE_BY_KIND(has_language_privilege),
    PRIVILEGE_BY_KIND(has_tablespace_privilege),
    PRIVILEGE_BY_KIND(has_foreign_data_wrapper_privilege),
    PRIVILEGE_BY_KIND(has_server_privilege),
    PRIVILEGE_BY_KIND(pg_has_role),
    BY_KIND(has_column_privilege, nn, 3, TEXT, TEXT, TEXT),
    BY_KIND(has_column_privilege, no, 3, TEXT, INT2, TEXT),
    BY_KIND(has_column_privilege, on, 3, OID, TEXT, TEXT),
    BY_KIND(has_column_privilege, oo, 3, OID, INT2, TEXT),
    BY_KIND(has_column_privilege, nnn, 4, NAME, TEXT, TEXT, TEXT),
    BY_KIND(has_column_privilege, nno, 4, NAME, TEXT, INT2, TEXT),
    BY_KIND(has_column_privilege, non, 4, NAME, OID, TEXT, TEXT),
    BY_KIND(has_column_privilege, noo, 4, NAME, OID, INT2, TEXT),
    BY_KIND(has_column_privilege, onn, 4, OID, TEXT, TEXT, TEXT),
    BY_KIND(has_column_privilege, ono, 4, OID, TEXT, INT2, TEXT),
    BY_KIND(has_column_privilege, oon, 4, OID, OID, TEXT, TEXT),
    BY_KIND(has_column_privilege, ooo, 4, OID, OID, INT2, TEXT),
    LOOKUP(to_regclass, OID, 1, TEXT),
    LOOKUP(to_regtype, OID, 1, TEXT),
    LOOKUP(to_regproc, OID, 1, TEXT),
    LOOKUP(to_regnamespace, OID, 1, TEXT),
    LOOKUP(to_regrole, OID, 1, TEXT),
    STABLE("regclassin", regclass_in, OID, 1, TEXT),
    STABLE("regtypein", regtype_in, OID, 1, TEXT),
    STABLE("regprocin", regproc_in, OID, 1, TEXT),
    STABLE("regnamespacein", regnamespace_in, OID, 1, TEXT),
    STABLE("regrolein", regrole_in, OID, 1, TEXT),
    LOOKUP(regclass, TEXT, 1, OID),
    LOOKUP(regtype, TEXT, 1, OID),
    LOOKUP(regproc, TEXT, 1, OID),
    LOOKUP(regnamespace, TEXT, 1, OID),
    LOOKUP(regrole, TEXT, 1, OID),
    KEPT(nextval, INT8, 1, OID),
    NAMED(nextval, FUNCTION_KEPT, INT8, 1, TEXT),
    KEPT(currval, INT8, 1, OID),
    NAMED(currval, FUNCTION_KEPT, INT8, 1, TEXT),
    KEPT(lastval, INT8, 0, 0),
    ROW("setval", session_setval, INT8, 2, FUNCTION_ONCE, false, false, OID, INT8),
    ROW("setval", session_setval, INT8, 3, FUNCTION_ONCE, false, false, OID, INT8, BOOLEAN),
    NAMED(setval, FUNCTION_ONCE, INT8, 2, TEXT, INT8),
    NAMED(setval, FUNCTION_ONCE, INT8, 3, TEXT, INT8, BOOLEAN),
    TYPED("pg_typeof", type_of, TEXT, 1, ANY),
    {0},
};
