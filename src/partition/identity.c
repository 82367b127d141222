// Who a session is: its role at the start, SET ROLE and SET SESSION AUTHORIZATION.
//
// 1. Of a session's three roles `login_role` never changes, `session_role` by SET SESSION AUTHORIZATION alone, which
//    needs a login as a superuser; `role` is the one whose rights hold.
// 2. An edge that lets clients in names the role that it has looked at (FRAME_OPEN); otherwise a name that is no role's
//    stands for the first one, the superuser: so an embedding program may call itself what it likes.
#include <stdio.h>
#include <strings.h>

#include "base/sqlstate.h"
#include "partition/state.h"
#include "table/right.h"

bool identity_is_setting(const char *name)
{
  return strcasecmp(name, "role") == 0 || strcasecmp(name, "session_authorization") == 0;
}

static void become(const struct session *session, struct settings *settings, uint32_t role)
{
  settings->role = role;
  settings->is_superuser = role_is_superuser(session_version((struct session *)session), role, NULL);
}

static int count_logins(const struct partition *partition, uint32_t role)
{
  int count = 0;
  size_t at = 0;
  struct map_entry *entry;
  while ((entry = map_next(&partition->sessions, &at)))
    count += ((const struct session *)entry->value)->settings.login_role == role;
  return count;
}

int identity_begin(struct session *session, const char *name, uint32_t oid, struct error *error)
{
  struct settings *settings = &session->settings;
  const struct version *version = session_version(session);
  struct role role;
  bool is_there = oid ? role_find(version, oid, NULL, &role)
                      : role_find_name(version, name, NULL, &role) || role_find(version, ROLE_OWNER, NULL, &role);
  if (!is_there) // it was dropped while its client came in
    return error_set(error, SQLSTATE_INVALID_AUTHORIZATION, "role \"%s\" does not exist", name);
  if (role.connection_limit >= 0 && !role.is_superuser &&
      count_logins(session->partition, role.oid) >= role.connection_limit)
    return error_set(error, SQLSTATE_TOO_MANY_CONNECTIONS, "too many connections for role \"%s\"", role.name);
  settings->login_role = settings->session_role = role.oid;
  snprintf(settings->user, sizeof settings->user, "%s", role.name);
  become(session, settings, role.oid);
  return 0;
}

static int set_session_role(struct session *session, struct settings *settings, const char *value, struct error *error)
{
  const struct version *version = session_version(session);
  struct role role;
  bool is_there = value ? role_find_name(version, value, NULL, &role)
                        : role_find(version, settings->login_role, NULL, &role);
  if (!is_there)
    return error_set(error, SQLSTATE_INVALID_PARAMETER_VALUE, "role \"%s\" does not exist", value ? value : settings->user);
  if (role.oid != settings->login_role && !role_is_superuser(version, settings->login_role, NULL))
    return error_set(error, SQLSTATE_INSUFFICIENT_PRIVILEGE, "permission denied to set session authorization");
  settings->session_role = role.oid;
  snprintf(settings->user, sizeof settings->user, "%s", role.name);
  settings->role_name[0] = 0;
  become(session, settings, role.oid);
  return 0;
}

int identity_set(struct session *session, struct settings *settings, const char *name, const char *value,
                 struct error *error)
{
  if (strcasecmp(name, "role") != 0)
    return set_session_role(session, settings, value, error);
  if (!value || strcmp(value, "none") == 0) {
    settings->role_name[0] = 0;
    become(session, settings, settings->session_role);
    return 0;
  }
  const struct version *version = session_version(session);
  struct role role;
  if (!role_find_name(version, value, NULL, &role))
    return error_set(error, SQLSTATE_INVALID_PARAMETER_VALUE, "role \"%s\" does not exist", value);
  if (!role_is_member(version, settings->session_role, role.oid, NULL))
    return error_set(error, SQLSTATE_INSUFFICIENT_PRIVILEGE, "permission denied to set role \"%s\"", role.name);
  snprintf(settings->role_name, sizeof settings->role_name, "%s", role.name);
  become(session, settings, role.oid);
  return 0;
}

// Details of broken constraints show rows: not to those who may not read them.
void identity_hide_row(struct session *session, struct error *error)
{
  const struct settings *settings = &session->settings;
  bool shows_row = strncmp(error->sqlstate, "23", 2) == 0 && error->detail[0] && error->table[0];
  if (!shows_row || settings->role == ROLE_OWNER)
    return;
  struct name_scope scope = {.role = ROLE_OWNER};
  const struct relation *relation;
  const struct version *version = session_version(session);
  bool may_read = !catalog_find(session->partition->catalog, version, &scope, error->schema, error->table, NULL, RIGHT_NONE,
                                false, &relation, NULL) &&
                  !relation_require(version, settings->role, relation, RIGHT_SELECT, NULL, NULL);
  if (may_read)
    return;
  const char *rest = strncmp(error->detail, "Key (", 5) == 0 ? strstr(error->detail, ") is ") : NULL;
  if (!rest) {
    error->detail[0] = 0;
    return;
  }
  size_t size = strlen(rest + 1); // "Key (k)=(1) is not present in table …"
  memmove(error->detail + 3, rest + 1, size + 1);
}
