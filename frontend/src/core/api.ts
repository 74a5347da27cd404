/** Talking to the desk's server: JSON under /api/v1, with the session's CSRF token and If-Match versions. */

import type { DeskRecord, ErrorBody, Session } from "./types";

export const API_ROOT = "/api/v1";

/** A refusal by the server in its own words. status 0 = the server could not be reached. */
export class ApiError extends Error {
  readonly status: number;
  readonly expected: string;
  readonly remedy: string;
  readonly current: DeskRecord | null;

  constructor(status: number, body: ErrorBody | null, fallback: string) {
    super(body?.error.what ?? fallback);
    this.name = "ApiError";
    this.status = status;
    this.expected = body?.error.expected ?? "";
    this.remedy = body?.error.remedy ?? "";
    this.current = body?.current ?? null;
  }

  get offline(): boolean {
    return this.status === 0;
  }
}

export interface SendOptions {
  ifMatch?: number;
  signal?: AbortSignal;
}

let csrf = "";

/** The token that every unsafe request carries; set once from GET /session. */
export function setCsrf(token: string): void {
  csrf = token;
}

function bodyOf(value: unknown): ErrorBody | null {
  const error = (value as ErrorBody | null)?.error;
  return error && typeof error.what === "string" ? (value as ErrorBody) : null;
}

async function send<T>(method: string, path: string, body: unknown, options: SendOptions): Promise<T> {
  const headers: Record<string, string> = { Accept: "application/json" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (method !== "GET") headers["X-Firstpass-Csrf"] = csrf;
  if (options.ifMatch !== undefined) headers["If-Match"] = `"${options.ifMatch}"`;
  let response: Response;
  try {
    response = await fetch(API_ROOT + path, {
      method,
      headers,
      body: body === undefined ? null : JSON.stringify(body),
      credentials: "same-origin",
      signal: options.signal ?? null,
    });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError(0, null, "The desk's server cannot be reached.");
  }
  const text = await response.text();
  const value: unknown = text ? parsed(text) : null;
  if (!response.ok)
    throw new ApiError(response.status, bodyOf(value), `The server answered ${response.status}.`);
  return value as T;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

export const api = {
  get: <T>(path: string, options: SendOptions = {}) => send<T>("GET", path, undefined, options),
  post: <T>(path: string, body: unknown, options: SendOptions = {}) => send<T>("POST", path, body, options),
  put: <T>(path: string, body: unknown, options: SendOptions = {}) => send<T>("PUT", path, body, options),
  delete: <T>(path: string, options: SendOptions = {}) => send<T>("DELETE", path, undefined, options),
  async session(): Promise<Session> {
    const session = await send<Session>("GET", "/session", undefined, {});
    setCsrf(session.csrf);
    return session;
  },
};
