// quern_backup(name): the host writes the backup, while the statement waits as for a claim.
#include <stdio.h>

#include "base/sqlstate.h"
#include "partition/state.h"
#include "table/role.h"

bool backup_function(struct evaluation *evaluation, const char *name, const struct value *arguments, struct value *result,
                     int *status)
{
  if (strcmp(name, "quern_backup") != 0)
    return false;
  struct run_context *context = evaluation->context;
  struct session *session = context->session;
  const struct partition_hooks *hooks = context->partition->options.hooks;
  char text[256];
  uint64_t position = 0;
  snprintf(text, sizeof text, "%.*s", (int)arguments[0].size, (const char *)arguments[0].data);
  if (!role_is_superuser(context->system->version, context->system->settings->role, NULL))
    *status = error_set(evaluation->error, SQLSTATE_INSUFFICIENT_PRIVILEGE, "permission denied for function quern_backup");
  else if (!session || transaction_in_branch(session) || session->has_atom)
    *status = error_set(evaluation->error, SQLSTATE_ACTIVE_SQL_TRANSACTION,
                        "quern_backup() cannot run inside a transaction block");
  else if (!hooks || !hooks->backup)
    *status = error_set(evaluation->error, SQLSTATE_FEATURE_NOT_SUPPORTED, "there is nobody to write a backup");
  else
    *status = hooks->backup(hooks->context, session->id, text, &position, evaluation->error);
  *result = value_integer((int64_t)position);
  return true;
}

void backup_done(struct session *session)
{
  if (session->waiting && !session->claimant.waits_for && !session->claimant.is_ready)
    claims_make_ready(&session->partition->claims, &session->claimant);
}
