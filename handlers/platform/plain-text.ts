/** Names are anybody's: none of them steers the terminal, or turns its text around (Unicode Standard Annex 9). */
export const plain = (text: string): string => text.replace(/[\p{Cc}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, '\ufffd');
