import { plainLine } from '../http/plain-line.js';
import type { NewAccount } from './auth-service.js';

const EMAIL = /^[^\s@]{1,64}@[^\s@]+\.[^\s@]+$/;
const MAX_EMAIL = 254;
const MAX_NAME = 80;
const MIN_PASSWORD = 10;
/** PBKDF2 of a novel would cost time. */
const MAX_PASSWORD = 200;

/** A field that will not do, and why. */
export interface FieldFault {
  readonly field: 'name' | 'email' | 'password';
  readonly message: string;
}

/** Checks what a visitor fills in; the fault is a sentence for people. */
export function checkAccount({ name, email, password }: Record<keyof NewAccount, string>): NewAccount | FieldFault {
  const line = plainLine(name);
  if (line === '' || line.length > MAX_NAME) {
    return { field: 'name', message: `Please give a name of at most ${MAX_NAME} characters.` };
  }
  if (!EMAIL.test(email.trim()) || email.length > MAX_EMAIL) {
    return { field: 'email', message: 'Please give an e-mail address, such as ada@example.com.' };
  }
  if (password.length < MIN_PASSWORD || password.length > MAX_PASSWORD) {
    return { field: 'password', message: `Please choose a password of at least ${MIN_PASSWORD} characters.` };
  }
  return { name: line, email: email.trim(), password };
}
