// Settings that nobody knows but who sets them: their names have a dot.
//
// 1. All of a session's lie in one piece of memory, so that they are copied and put back with the others.
// 2. Once it was set a name stays known for the session, with nothing in it at the least.
#include <string.h>
#include <strings.h>

#include "base/sqlstate.h"
#include "sql/settings.h"

bool settings_is_custom(const char *name)
{
  return strchr(name, '.') != NULL;
}

// Identifiers with dots between them.
static bool is_good_name(const char *name)
{
  bool begins = true;
  for (; *name; name++) {
    bool is_letter = (*name >= 'a' && *name <= 'z') || (*name >= 'A' && *name <= 'Z') || *name == '_' || *name & 128;
    bool is_inner = (*name >= '0' && *name <= '9') || *name == '$';
    if (*name == '.' ? begins : !is_letter && (begins || !is_inner))
      return false;
    begins = *name == '.';
  }
  return !begins;
}

const char *settings_custom(const struct settings *settings, size_t offset, const char **value, size_t *next)
{
  const char *name = settings->custom + offset;
  if (offset >= SETTINGS_CUSTOM || !*name)
    return NULL;
  *value = name + strlen(name) + 1;
  *next = offset + strlen(name) + strlen(*value) + 2;
  return name;
}

// The offset of the name, or of the end.
static size_t find(const struct settings *settings, const char *name, const char **value, size_t *next)
{
  size_t offset = 0;
  const char *found;
  *value = NULL;
  while ((found = settings_custom(settings, offset, value, next))) {
    if (strcasecmp(found, name) == 0)
      return offset;
    offset = *next;
  }
  *value = NULL;
  *next = offset;
  return offset;
}

const char *settings_show_custom(const struct settings *settings, const char *name)
{
  const char *value;
  size_t next;
  (void)find(settings, name, &value, &next);
  return value;
}

int settings_set_custom(struct settings *settings, const char *name, const char *value, struct error *error)
{
  const char *old, *written = value ? value : "";
  char end[SETTINGS_CUSTOM], spelling[128];
  if (!is_good_name(name) || strlen(name) >= sizeof spelling) {
    int status = error_set(error, SQLSTATE_INVALID_NAME, "invalid configuration parameter name \"%s\"", name);
    error_detail(error, "Custom parameter names must be two or more simple identifiers separated by dots.");
    return status;
  }
  size_t next, offset = find(settings, name, &old, &next), used = next;
  size_t found;
  for (const char *ignored; settings_custom(settings, used, &ignored, &found); used = found)
    ;
  strcpy(spelling, old ? settings->custom + offset : name);
  size_t behind = used - next, needed = strlen(spelling) + strlen(written) + 2;
  if (offset + needed + behind >= SETTINGS_CUSTOM)
    return error_set(error, SQLSTATE_CONFIGURATION_LIMIT_EXCEEDED,
                     "custom settings of a session cannot have more than %d bytes", SETTINGS_CUSTOM);
  memcpy(end, settings->custom + next, behind);
  memset(settings->custom + offset, 0, SETTINGS_CUSTOM - offset);
  char *at = settings->custom + offset;
  memcpy(at, spelling, strlen(spelling));
  memcpy(at + strlen(spelling) + 1, written, strlen(written));
  memcpy(at + needed, end, behind);
  return 0;
}

void settings_keep_custom(struct settings *settings, const struct settings *ended)
{
  const char *name, *value;
  struct error ignored;
  size_t next;
  for (size_t offset = 0; (name = settings_custom(ended, offset, &value, &next)); offset = next)
    if (!settings_show_custom(settings, name))
      (void)!settings_set_custom(settings, name, NULL, &ignored);
}
