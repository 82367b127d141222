// CREATE, ALTER and DROP of roles (users and groups are the same), and who is a member of whom.
//
// 1. What may be done by whom is PostgreSQL 15's: CREATEROLE makes and changes roles that are no superusers; ADMIN OPTION
//    gives memberships on.
// 2. Passwords are kept as SCRAM-SHA-256 verifiers; their making takes some milliseconds on the loop.
#include <stdio.h>

#include "expr/function.h"
#include "expr/scram.h"
#include "sql/utility_internal.h"

static const struct version *version_of(const struct utility_input *input)
{
  return input->writer->version;
}

int role_current(const struct utility_input *input, struct role *role, struct error *error)
{
  if (role_find(version_of(input), input->settings->role, input->writer->mark, role))
    return 0;
  return error_set(error, SQLSTATE_UNDEFINED_OBJECT, "role with OID %u does not exist", input->settings->role);
}

static int missing_role(const char *name, struct error *error)
{
  return error_set(error, SQLSTATE_UNDEFINED_OBJECT, "role \"%s\" does not exist", name);
}

int role_of_spec(const struct utility_input *input, const PgQuery__RoleSpec *spec, struct role *role,
                 struct error *error)
{
  const struct version *version = version_of(input);
  switch (spec->roletype) {
  case PG_QUERY__ROLE_SPEC_TYPE__ROLESPEC_CURRENT_ROLE:
  case PG_QUERY__ROLE_SPEC_TYPE__ROLESPEC_CURRENT_USER: return role_current(input, role, error);
  case PG_QUERY__ROLE_SPEC_TYPE__ROLESPEC_SESSION_USER:
    return role_find(version, input->settings->session_role, input->writer->mark, role)
               ? 0
               : missing_role(input->settings->user, error);
  case PG_QUERY__ROLE_SPEC_TYPE__ROLESPEC_PUBLIC: return missing_role("public", error);
  default: break;
  }
  return role_find_name(version, spec->rolename, input->writer->mark, role) ? 0 : missing_role(spec->rolename, error);
}

static int denied(struct error *error, const char *text)
{
  return error_set(error, SQLSTATE_INSUFFICIENT_PRIVILEGE, "%s", text);
}

static int check_reserved(const char *name, struct error *error)
{
  if (strncmp(name, "pg_", 3) != 0 && strcmp(name, "public") != 0 && strcmp(name, "none") != 0)
    return 0;
  int status = error_set(error, SQLSTATE_RESERVED_NAME, "role name \"%s\" is reserved", name);
  if (name[0] == 'p' && name[1] == 'g')
    error_detail(error, "Role names starting with \"pg_\" are reserved.");
  return status;
}

// --- Options ----------------------------------------------------------------------------------------

// What an option list said beside the role itself.
struct role_options {
  const PgQuery__List *in_roles, *members, *admins;
  const char *seen[16];
  int seen_count;
  bool only_password; // and nothing else: what everyone may do with his own role
};

static const char *string_of(const PgQuery__Node *node)
{
  return node && node->node_case == PG_QUERY__NODE__NODE_STRING ? node->string->sval : NULL;
}

static bool truth_of(const PgQuery__Node *node)
{
  if (node && node->node_case == PG_QUERY__NODE__NODE_BOOLEAN)
    return node->boolean->boolval;
  return node && node->node_case == PG_QUERY__NODE__NODE_INTEGER && node->integer->ival;
}

static int set_password(const struct utility_input *input, struct role *role, const char *password, struct error *error)
{
  role->verifier[0] = 0;
  if (!password)
    return 0;
  if (!password[0]) {
    utility_notice(input, SQLSTATE_SUCCESSFUL_COMPLETION, "empty string is not a valid password, clearing password");
    return 0;
  }
  size_t size = strlen(password);
  if (scram_is_verifier(password)) {
    if (size >= ROLE_VERIFIER)
      return error_set(error, SQLSTATE_PROGRAM_LIMIT_EXCEEDED, "the verifier has more than %d bytes", ROLE_VERIFIER - 1);
    memcpy(role->verifier, password, size + 1);
    return 0;
  }
  if (size == 35 && strncmp(password, "md5", 3) == 0 && strspn(password + 3, "0123456789abcdef") == 32)
    return error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED, "MD5 passwords are not supported, only scram-sha-256");
  uint8_t salt[SCRAM_SALT];
  struct evaluation *evaluation = input->writer->evaluation;
  put_le64(salt, evaluation->hooks->random(evaluation));
  put_le64(salt + 8, evaluation->hooks->random(evaluation));
  scram_make_verifier(bytes_of_string(password), salt, role->verifier);
  return 0;
}

static int set_valid_until(const struct utility_input *input, struct role *role, const char *text, struct error *error)
{
  struct value value;
  struct format_settings format = input->settings->format;
  format.now = input->writer->evaluation->now;
  int status = value_from_text(type_plain(TYPE_TIMESTAMPTZ), bytes_of_string(text), &format, input->arena, &value, error);
  role->valid_until = value.integer;
  role->has_valid_until = true;
  return status;
}

static int set_option(const struct utility_input *input, struct role *role, const PgQuery__DefElem *option,
                      struct role_options *options, struct error *error)
{
  const struct { const char *name; bool *flag; } flags[] = {
    {"superuser", &role->is_superuser},     {"inherit", &role->inherits},        {"createrole", &role->creates_roles},
    {"createdb", &role->creates_databases}, {"canlogin", &role->logs_in},        {"isreplication", &role->replicates},
    {"bypassrls", &role->bypasses_rows},
  };
  const char *name = option->defname;
  for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
    if (strcmp(name, flags[i].name) == 0) {
      *flags[i].flag = truth_of(option->arg);
      return 0;
    }
  if (strcmp(name, "password") == 0)
    return set_password(input, role, string_of(option->arg), error);
  if (strcmp(name, "validUntil") == 0)
    return set_valid_until(input, role, string_of(option->arg), error);
  if (strcmp(name, "connectionlimit") == 0) {
    role->connection_limit = option->arg->integer->ival;
    if (role->connection_limit < -1)
      return error_set(error, SQLSTATE_INVALID_PARAMETER_VALUE, "invalid connection limit: %d", role->connection_limit);
    return 0;
  }
  if (strcmp(name, "sysid") == 0) {
    utility_notice(input, SQLSTATE_SUCCESSFUL_COMPLETION, "SYSID can no longer be specified");
    return 0;
  }
  const PgQuery__List **list = strcmp(name, "addroleto") == 0     ? &options->in_roles
                               : strcmp(name, "rolemembers") == 0 ? &options->members
                               : strcmp(name, "adminmembers") == 0 ? &options->admins
                                                                   : NULL;
  if (!list)
    return error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED, "option \"%s\" is not supported", name);
  *list = option->arg->list;
  return 0;
}

static int set_options(const struct utility_input *input, struct role *role, PgQuery__Node **list, size_t count,
                       struct role_options *options, struct error *error)
{
  options->only_password = true;
  for (size_t i = 0; i < count; i++) {
    const PgQuery__DefElem *option = list[i]->def_elem;
    for (int j = 0; j < options->seen_count; j++)
      if (strcmp(options->seen[j], option->defname) == 0)
        return utility_error(input, error, option->location, SQLSTATE_SYNTAX_ERROR, "conflicting or redundant options");
    if (options->seen_count < 16)
      options->seen[options->seen_count++] = option->defname;
    options->only_password &= strcmp(option->defname, "password") == 0;
    int status = set_option(input, role, option, options, error);
    if (status)
      return status;
  }
  return 0;
}

// --- Memberships -------------------------------------------------------------------------------------

static int may_give(const struct utility_input *input, const struct role *who, const struct role *role,
                    struct error *error)
{
  if (role->is_superuser)
    return who->is_superuser ? 0 : denied(error, "must be superuser to alter superusers");
  if (who->is_superuser || who->creates_roles || role_is_admin(version_of(input), who->oid, role->oid, input->writer->mark))
    return 0;
  return error_set(error, SQLSTATE_INSUFFICIENT_PRIVILEGE, "must have admin option on role \"%s\"", role->name);
}

static int add_member(const struct utility_input *input, const struct role *role, const struct role *member,
                      bool is_admin, struct error *error)
{
  const struct version *version = version_of(input);
  struct membership membership;
  if (role_was_made_member(version, role->oid, member->oid, input->writer->mark))
    return error_set(error, SQLSTATE_INVALID_GRANT_OPERATION, "role \"%s\" is a member of role \"%s\"", role->name,
                     member->name);
  bool is_there = membership_find(version, member->oid, role->oid, input->writer->mark, &membership);
  if (is_there && (membership.is_admin || !is_admin)) {
    utility_notice(input, SQLSTATE_SUCCESSFUL_COMPLETION, "role \"%s\" is already a member of role \"%s\"",
                   member->name, role->name);
    return 0;
  }
  membership = (struct membership){member->oid, role->oid, input->settings->role, is_admin};
  return membership_put(input->writer, &membership);
}

static int remove_member(const struct utility_input *input, const struct role *role, const struct role *member,
                         bool only_admin, struct error *error)
{
  struct membership membership;
  if (!membership_find(version_of(input), member->oid, role->oid, input->writer->mark, &membership)) {
    utility_warning(input, SQLSTATE_WARNING, "role \"%s\" is not a member of role \"%s\"", member->name, role->name);
    return 0;
  }
  if (!only_admin)
    return membership_delete(input->writer, member->oid, role->oid);
  membership.is_admin = false;
  return membership_put(input->writer, &membership);
}

// The roles of a list of names become members of `role`, or it of them.
static int add_list(const struct utility_input *input, const struct role *role, const PgQuery__List *list,
                    bool list_has_members, bool is_admin, struct error *error)
{
  struct role who, other;
  int status = list ? role_current(input, &who, error) : 0;
  for (size_t i = 0; list && i < list->n_items && !status; i++) {
    status = role_of_spec(input, list->items[i]->role_spec, &other, error);
    if (!status && !list_has_members)
      status = may_give(input, &who, &other, error);
    if (!status)
      status = list_has_members ? add_member(input, role, &other, is_admin, error)
                                : add_member(input, &other, role, is_admin, error);
  }
  return status;
}

int role_grant(const struct utility_input *input, const PgQuery__GrantRoleStmt *grant, struct error *error)
{
  struct role who, role, member;
  int status = role_current(input, &who, error);
  for (size_t i = 0; i < grant->n_granted_roles && !status; i++) {
    const char *name = grant->granted_roles[i]->access_priv->priv_name;
    if (grant->granted_roles[i]->access_priv->n_cols)
      return error_set(error, SQLSTATE_INVALID_GRANT_OPERATION,
                       "column names cannot be included in GRANT/REVOKE ROLE");
    status = role_find_name(version_of(input), name, input->writer->mark, &role) ? 0 : missing_role(name, error);
    if (!status)
      status = may_give(input, &who, &role, error);
    for (size_t m = 0; m < grant->n_grantee_roles && !status; m++) {
      status = role_of_spec(input, grant->grantee_roles[m]->role_spec, &member, error);
      if (!status)
        status = grant->is_grant ? add_member(input, &role, &member, grant->admin_opt, error)
                                 : remove_member(input, &role, &member, grant->admin_opt, error);
    }
  }
  return status;
}

// --- CREATE, ALTER -----------------------------------------------------------------------------------

static int may_create(const struct role *who, const struct role *role, struct error *error)
{
  if (who->is_superuser)
    return 0;
  if (role->is_superuser)
    return denied(error, "must be superuser to create superusers");
  if (role->replicates)
    return denied(error, "must be superuser to create replication users");
  if (role->bypasses_rows)
    return denied(error, "must be superuser to create bypassrls users");
  return who->creates_roles ? 0 : denied(error, "permission denied to create role");
}

int role_make(const struct utility_input *input, const PgQuery__CreateRoleStmt *create, struct error *error)
{
  struct role who, role = {
    .inherits = true,
    .logs_in = create->stmt_type == PG_QUERY__ROLE_STMT_TYPE__ROLESTMT_USER,
    .connection_limit = -1,
    .valid_until = INT64_MAX,
  };
  struct role_options options = {0};
  snprintf(role.name, sizeof role.name, "%s", create->role);
  int status = role_current(input, &who, error);
  if (!status)
    status = check_reserved(create->role, error);
  if (!status)
    status = set_options(input, &role, create->options, create->n_options, &options, error);
  if (!status)
    status = may_create(&who, &role, error);
  if (!status)
    status = role_create(input->writer, &role);
  if (!status)
    status = add_list(input, &role, options.in_roles, false, false, error);
  if (!status)
    status = add_list(input, &role, options.admins, true, true, error);
  return status ? status : add_list(input, &role, options.members, true, false, error);
}

static int may_alter(const struct role *who, const struct role *old, const struct role *new,
                     const struct role_options *options, struct error *error)
{
  if (who->is_superuser)
    return 0;
  if (old->is_superuser || new->is_superuser)
    return denied(error, "must be superuser to alter superuser roles or change superuser attribute");
  if (old->replicates || new->replicates)
    return denied(error, "must be superuser to alter replication roles or change replication attribute");
  if (old->bypasses_rows != new->bypasses_rows)
    return denied(error, "must be superuser to change bypassrls attribute");
  bool is_own = options->only_password && who->oid == old->oid;
  return who->creates_roles || is_own ? 0 : denied(error, "permission denied");
}

// ALTER GROUP … ADD | DROP USER.
static int alter_members(const struct utility_input *input, const struct role *role, const PgQuery__List *list,
                         bool is_added, struct error *error)
{
  struct role who, member;
  int status = role_current(input, &who, error);
  if (!status)
    status = may_give(input, &who, role, error);
  for (size_t i = 0; i < list->n_items && !status; i++) {
    status = role_of_spec(input, list->items[i]->role_spec, &member, error);
    if (!status)
      status = is_added ? add_member(input, role, &member, false, error)
                        : remove_member(input, role, &member, false, error);
  }
  return status;
}

static int check_predefined(const struct role *role, struct error *error)
{
  return role_is_predefined(role->oid) ? check_reserved(role->name, error) : 0;
}

int role_alter(const struct utility_input *input, const PgQuery__AlterRoleStmt *alter, struct error *error)
{
  struct role who, old, new;
  struct role_options options = {0};
  int status = role_current(input, &who, error);
  if (!status)
    status = role_of_spec(input, alter->role, &old, error);
  if (!status)
    status = check_predefined(&old, error);
  if (status)
    return status;
  new = old;
  status = set_options(input, &new, alter->options, alter->n_options, &options, error);
  if (!status && options.members)
    return alter_members(input, &old, options.members, alter->action > 0, error);
  if (!status)
    status = may_alter(&who, &old, &new, &options, error);
  if (!status && old.oid == ROLE_OWNER && !new.is_superuser) {
    status = error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED, "permission denied to alter role");
    error_detail(error, "The bootstrap user must have the SUPERUSER attribute.");
  }
  return status ? status : role_replace(input->writer, &new);
}

int role_rename(const struct utility_input *input, const PgQuery__RenameStmt *rename, struct error *error)
{
  struct role who, role;
  int status = role_current(input, &who, error);
  if (status)
    return status;
  if (!role_find_name(version_of(input), rename->subname, input->writer->mark, &role))
    return missing_role(rename->subname, error);
  if (role.oid == input->settings->session_role)
    return error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED, "session user cannot be renamed");
  if (role.oid == input->settings->role)
    return error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED, "current user cannot be renamed");
  status = check_predefined(&role, error);
  if (!status)
    status = check_reserved(rename->newname, error);
  if (status)
    return status;
  if (role.is_superuser && !who.is_superuser)
    return denied(error, "must be superuser to rename superusers");
  if (!who.is_superuser && !who.creates_roles)
    return denied(error, "permission denied to rename role");
  snprintf(role.name, sizeof role.name, "%s", rename->newname);
  return role_replace(input->writer, &role);
}

// --- DROP --------------------------------------------------------------------------------------------

static int may_drop(const struct utility_input *input, const struct role *who, const struct role *role,
                    struct error *error)
{
  if (role->oid == input->settings->role)
    return error_set(error, SQLSTATE_OBJECT_IN_USE, "current user cannot be dropped");
  if (role->oid == input->settings->session_role)
    return error_set(error, SQLSTATE_OBJECT_IN_USE, "session user cannot be dropped");
  if (role->is_superuser && !who->is_superuser)
    return denied(error, "must be superuser to drop superusers");
  if (role->oid == ROLE_OWNER || role_is_predefined(role->oid))
    return error_set(error, SQLSTATE_DEPENDENT_OBJECTS_STILL_EXIST,
                     "cannot drop role %s because it is required by the database system", role->name);
  return 0;
}

// 2BP01 with a line for each thing that would be without its owner, or names a role that is gone.
static int check_dependents(const struct utility_input *input, const struct role *role, struct error *error)
{
  struct buffer lines = {0};
  int status = role_dependents(input, role->oid, &lines, error);
  if (!status && lines.size) {
    status = error_set(error, SQLSTATE_DEPENDENT_OBJECTS_STILL_EXIST,
                       "role \"%s\" cannot be dropped because some objects depend on it", role->name);
    error_detail(error, "%.*s", (int)lines.size, (const char *)lines.data);
  }
  buffer_deinit(&lines);
  return status;
}

int roles_drop(const struct utility_input *input, const PgQuery__DropRoleStmt *drop, struct error *error)
{
  struct role who, role;
  int status = role_current(input, &who, error);
  if (!status && !who.is_superuser && !who.creates_roles)
    status = denied(error, "permission denied to drop role");
  for (size_t i = 0; i < drop->n_roles && !status; i++) {
    const PgQuery__RoleSpec *spec = drop->roles[i]->role_spec;
    if (spec->roletype != PG_QUERY__ROLE_SPEC_TYPE__ROLESPEC_CSTRING)
      return error_set(error, SQLSTATE_INVALID_PARAMETER_VALUE, "cannot use special role specifier in DROP ROLE");
    if (!role_find_name(version_of(input), spec->rolename, input->writer->mark, &role)) {
      if (!drop->missing_ok)
        return missing_role(spec->rolename, error);
      utility_notice(input, SQLSTATE_SUCCESSFUL_COMPLETION, "role \"%s\" does not exist, skipping", spec->rolename);
      continue;
    }
    status = may_drop(input, &who, &role, error);
    if (!status)
      status = check_dependents(input, &role, error);
    if (!status)
      status = role_drop(input->writer, &role);
  }
  return status;
}
