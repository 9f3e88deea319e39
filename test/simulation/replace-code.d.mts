export function splitAtCode(text: string, piece: string): string[];
export function replaceCode(text: string, piece: string, replacement: string): string;
