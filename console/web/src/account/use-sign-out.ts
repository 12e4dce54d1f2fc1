import { useMutation } from '@connectrpc/connect-query'
import { AuthService } from '@site11/proto/es/site11/console/v1/auth_service_pb.ts'
import { useNavigate } from '@tanstack/react-router'
import { sessions } from '../api/client.ts'
import { toastProblem } from '../ui/toasts.tsx'

/** @returns what ends the session and goes to sign-in; when that fails the session stays, and a toast says why. */
export function useSignOut(): () => Promise<void> {
  const navigate = useNavigate()
  const logout = useMutation(AuthService.method.logout)
  return async () => {
    try {
      await sessions.signOut(() => logout.mutateAsync({}))
      await navigate({ to: '/login' })
    } catch (error) {
      await toastProblem(error)
    }
  }
}
