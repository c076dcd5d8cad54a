/** The LDAP controls of change capture. */
import { type BerReader, BerWriter, Control } from 'ldapts';

/** Flags of LDAP_SERVER_DIRSYNC_OID (MS-ADTS section 3.1.1.3.4.1.3). */
export const dirSyncFlags = {
  objectSecurity: 0x0000_0001,
  ancestorsFirst: 0x0000_0800,
  incrementalValues: 0x8000_0000,
} as const;

/**
 * LDAP_SERVER_DIRSYNC_OID, 1.2.840.113556.1.4.841. ldapts parses the response into the instance that was sent: use one instance a search.
 * `moreResults` and `nextCookie` hold the response; `onResponse` runs when it has been read.
 */
export class DirSyncControl extends Control {
  static readonly type = '1.2.840.113556.1.4.841';
  moreResults = false;
  nextCookie: Buffer | undefined;
  private readonly request: { readonly flags: number; readonly maxBytes: number; readonly cookie: Buffer };
  private readonly onResponse: () => void;

  constructor(request: { readonly flags: number; readonly maxBytes: number; readonly cookie: Buffer }, onResponse: () => void = () => {}) {
    super(DirSyncControl.type, { critical: true });
    this.request = request;
    this.onResponse = onResponse;
  }

  protected override writeControl(writer: BerWriter): void {
    const value = new BerWriter();
    value.startSequence();
    // AD takes Flags only as four bytes: 0x80000000 has to travel as a negative int32, not as the five bytes of a positive INTEGER.
    value.writeInt(this.request.flags | 0);
    value.writeInt(this.request.maxBytes);
    value.writeBuffer(this.request.cookie, 0x04);
    value.endSequence();
    writer.writeBuffer(value.buffer, 0x04);
  }

  protected override parseControl(reader: BerReader): void {
    if (!reader.readSequence()) return;
    this.moreResults = (reader.readInt() ?? 0) !== 0;
    reader.readInt();
    this.nextCookie = Buffer.from(reader.readString(0x04, true) ?? Buffer.alloc(0));
    this.onResponse();
  }
}

/** LDAP_SERVER_EXTENDED_DN_OID, 1.2.840.113556.1.4.529, with flag 1: GUID and SID as text (MS-ADTS section 3.1.1.3.4.1.5). */
export class ExtendedNameControl extends Control {
  static readonly type = '1.2.840.113556.1.4.529';

  constructor() {
    super(ExtendedNameControl.type, { critical: true });
  }

  protected override writeControl(writer: BerWriter): void {
    const value = new BerWriter();
    value.startSequence();
    value.writeInt(1);
    value.endSequence();
    writer.writeBuffer(value.buffer, 0x04);
  }
}

/** LDAP_SERVER_SD_FLAGS_OID, 1.2.840.113556.1.4.801: which parts of a security descriptor to return (MS-ADTS section 3.1.1.3.4.1.11). */
export class SecurityDescriptorFlagsControl extends Control {
  static readonly type = '1.2.840.113556.1.4.801';
  readonly #flags: number;

  constructor(flags: number) {
    super(SecurityDescriptorFlagsControl.type, { critical: true });
    this.#flags = flags;
  }

  protected override writeControl(writer: BerWriter): void {
    const value = new BerWriter();
    value.startSequence();
    value.writeInt(this.#flags);
    value.endSequence();
    writer.writeBuffer(value.buffer, 0x04);
  }
}

/** LDAP_SERVER_SHOW_RECYCLED_OID, 1.2.840.113556.1.4.2064: tombstones and recycled objects too (MS-ADTS section 3.1.1.3.4.1.26). */
export class ShowRecycledControl extends Control {
  static readonly type = '1.2.840.113556.1.4.2064';

  constructor() {
    super(ShowRecycledControl.type, { critical: true });
  }
}
