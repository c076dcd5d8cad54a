/**
 * What changes at a target, as its own server sees it: an account that is kept apart from what the functions tell, to compare the audit trail
 * with.
 */
export interface TargetAccount {
  readonly id: string;
  /** By the names that events use. */
  readonly profile: Readonly<Record<string, string>>;
  readonly active: boolean;
}

export interface TargetRole {
  readonly id: string;
  readonly name: string;
}

export class TargetChanges {
  /** A line a change, in order. */
  readonly lines: string[] = [];

  /** An account, before and after; undefined: there was, or is, none. */
  account(before: TargetAccount | undefined, after: TargetAccount | undefined): void {
    const id = (before ?? after)?.id;
    if (after === undefined) this.lines.push(changeLines.accountDeleted(id));
    else if (before === undefined) this.lines.push(changeLines.accountCreated(id, after.profile));
    else {
      const changed = Object.fromEntries(
        [...new Set([...Object.keys(before.profile), ...Object.keys(after.profile)])].flatMap((name) =>
          before.profile[name] === after.profile[name] ? [] : [[name, after.profile[name] ?? null]],
        ),
      );
      if (Object.keys(changed).length > 0) this.lines.push(changeLines.accountUpdated(id, changed));
      if (before.active !== after.active) this.lines.push(changeLines.accountActive(id, after.active));
    }
  }

  role(before: TargetRole | undefined, after: TargetRole | undefined): void {
    if (before === undefined && after !== undefined) this.lines.push(changeLines.roleCreated(after.id, after.name));
    else if (before !== undefined && after === undefined) this.lines.push(changeLines.roleDeleted(before.id));
    else if (before !== undefined && after !== undefined && before.name !== after.name)
      this.lines.push(changeLines.roleRenamed(after.id, after.name));
  }

  member(role: string, account: string, there: boolean): void {
    this.lines.push(changeLines.member(role, account, there));
  }

  /** @param assignment `<account>/<permission set>` */
  assignment(roleId: string, assignment: string, there: boolean): void {
    this.lines.push(changeLines.assignment(roleId, assignment, there));
  }
}

const sorted = (values: Readonly<Record<string, string | null>>): string =>
  JSON.stringify(Object.entries(values).sort(([a], [b]) => (a < b ? -1 : 1)));

/** The lines, for both sides of the comparison. */
export const changeLines = {
  accountCreated: (id: string | undefined, profile: Readonly<Record<string, string>>) => `account ${id} created ${sorted(profile)}`,
  accountUpdated: (id: string | undefined, changed: Readonly<Record<string, string | null>>) => `account ${id} updated ${sorted(changed)}`,
  accountActive: (id: string | undefined, active: boolean) => `account ${id} ${active ? 'reactivated' : 'deactivated'}`,
  accountDeleted: (id: string | undefined) => `account ${id} deleted`,
  roleCreated: (id: string, name: string) => `role ${id} created "${name}"`,
  roleRenamed: (id: string, name: string) => `role ${id} renamed "${name}"`,
  roleDeleted: (id: string) => `role ${id} deleted`,
  member: (role: string, account: string, there: boolean) => `member ${account} ${there ? 'added to' : 'removed from'} "${role}"`,
  assignment: (roleId: string, assignment: string, there: boolean) =>
    `assignment ${assignment} ${there ? 'added to' : 'removed from'} ${roleId}`,
} as const;
